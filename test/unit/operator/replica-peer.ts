import { fromBase64Url, fromHex, toHex } from "../../../src/core/bytes.ts";
import { LabError } from "../../../src/core/errors.ts";
import { nearest } from "../../../src/core/nearest.ts";
import { fleetOf } from "../../../src/core/model/fleet-reader.ts";
import type { NodeDirectory } from "../../../src/node/directory.ts";
import { Targeting } from "../../../src/core/targeting/targeting.ts";
import type { Keys } from "../../../src/core/ports/keys.ts";
import { CLASS_DESIRED } from "../../../src/crdt/entry/entry.ts";
import { authorityDigest, Replica } from "../../../src/crdt/replica.ts";
import { declarationState } from "../../../src/node/handlers/declaration-state.ts";
import type { ReadSource } from "../../../src/node/handlers/read-source.ts";
import { declarationStateOperation } from "../../../src/operations/declaration.ts";
import { parseInput } from "../../../src/operations/input.ts";
import {
  CONTEXT_PATH,
  type Courier,
  type OperatorContext,
  SUBMIT_PATH,
  type Subject,
} from "../../../src/operator/requests.ts";
import { SimDisk } from "../../../sim/disk.ts";
import { seededRandom } from "../../../sim/random.ts";

interface Question {
  readonly key: string;
  readonly holds: readonly string[];
  readonly servers: readonly string[];
  readonly paths: readonly string[];
}

/** An agent as far as an operator meets it: a real replica behind the two operations that a write needs. */
export class ReplicaPeer implements Courier {
  readonly name: string;
  readonly replica: Replica;
  nowMs = 1_800_000_000_000;
  /** - `up` · `deaf`: answers questions, takes no entries · `down` */
  state: "up" | "deaf" | "down" = "up";
  submissions = 0;

  constructor(name: string, keys: Keys, mesh: Uint8Array) {
    this.name = name;
    this.#keys = keys;
    this.replica = new Replica(keys, mesh, new SimDisk({ random: seededRandom(name) }));
  }

  readonly #keys: Keys;

  async admit(...entries: readonly Uint8Array[]): Promise<void> {
    const answers = await this.replica.admit(entries, "local");
    const refused = answers.find(({ state }) => state === "refused" || state === "waiting");
    if (refused !== undefined) throw new Error(`not admitted: ${refused.reason ?? refused.state}`);
  }

  async call(_method: string, path: string, { body }: { readonly body?: unknown } = {}): Promise<unknown> {
    if (this.state === "down" || (this.state === "deaf" && path === SUBMIT_PATH)) {
      throw new LabError("PeerFailed", "the agent went away before it answered", { hint: "lab status" });
    }
    if (path === CONTEXT_PATH) return this.#context(body as Question);
    if (path === declarationStateOperation.path) {
      return declarationState(this.source(), parseInput(declarationStateOperation, { body }));
    }
    if (path === SUBMIT_PATH) return this.#submit((body as { entries: string[] }).entries);
    throw new Error(`nothing answers ${path}`);
  }

  async #submit(entries: readonly string[]): Promise<unknown> {
    this.submissions++;
    const answers = await this.replica.admit(
      entries.map((entry) => fromBase64Url(entry) as Uint8Array),
      "local",
    );
    const results = answers.map(({ id, state, reason }) => ({
      hash: id,
      state: state === "waiting" ? "parked" : state,
      reason,
    }));
    return { results, durable: true };
  }

  /** What handlers of reads answer from, as far as a replica alone can tell. */
  source(): ReadSource {
    const opinion = (key: string) => ({
      key,
      online: "unknown" as const,
      lastHeardMs: null,
      rttMs: null,
      connected: "no" as const,
    });
    const view = this.replica.view();
    const own = view.nodeByName(this.name) ?? [...view.nodes.values()][0];
    const self = { id: own?.id ?? "", key: own?.key ?? "" };
    const targeting = () => Targeting.of(fleetOf(this.replica.view()));
    const parts = {
      targeting,
      replica: this.replica,
      keys: this.#keys,
      self,
      definitions: [],
      opinion,
      nowMs: () => this.nowMs,
      asOfMs: () => this.nowMs,
      ownAddresses: () => [],
      ownRoles: () => [],
      observedHash: () => "",
      warnings: () => [],
      directory: { reports: () => new Map(), addressesOf: () => [] } as Partial<NodeDirectory> as NodeDirectory,
    };
    return parts;
  }

  #context({ key, holds, servers, paths }: Question): OperatorContext {
    const { replica } = this;
    const view = replica.view();
    const own = [...replica.authority.operators.values()].filter((log) => log.key === key && log.state === "live");
    const logs = own
      .map(({ log, name, rank, rights }) => {
        const last = replica.chain(log, CLASS_DESIRED)?.main.at(-1)?.entry;
        return { log, name, rank, rights: [...rights], head: last ? { seq: last.header.seq, hash: last.id } : null };
      })
      .sort((a, b) => a.rank - b.rank);
    const resolved = paths.flatMap((path) => {
      const [, name] = /\{([a-z0-9-]+)\}/.exec(path) ?? [];
      const id = name === undefined ? "" : view.nodeByName(name)?.id;
      return id === undefined ? [] : [path.replace(/\{[a-z0-9-]+\}/, id)];
    });
    const ledger = logs.find(({ rank, rights }) => rank > 0 && rights.includes("ops"))?.log ?? "";
    return {
      meta: { peer: this.name, asOf: new Date(this.nowMs).toISOString(), newest: null, behind: [] },
      mesh: view.mesh,
      meshName: view.meshName,
      nowMs: this.nowMs,
      self: { id: [...view.nodes.keys()][0] ?? "", name: this.name },
      logs,
      tips: replica.graph.tips.map(({ entry }) => entry.id),
      seen: toHex(authorityDigest(this.#keys, replica.graph)),
      newest: { ...view.newest },
      lacks: holds.filter((hash) => replica.graph.find(hash) === undefined),
      servers: Object.fromEntries(servers.map((name) => [name, this.#subject(name)])),
      nearest: Object.fromEntries(
        servers.map((name) => [
          name,
          nearest(
            name,
            [...view.nodes.values()].map((n) => n.name),
          ),
        ]),
      ),
      others: Object.fromEntries(resolved.map((path) => [path, [...view.othersAt(path, ledger)]])),
      current: Object.fromEntries(
        resolved.flatMap((path) => {
          const winner = view.desired(path);
          return winner === undefined ? [] : [[path, winner.value]];
        }),
      ) as OperatorContext["current"],
      stores: view.holders("secret-store").map(({ name, key: nodeKey, seal }) => ({ name, key: nodeKey, seal })),
      coordinators: view.holders("coordinator").map((node) => ({
        name: node.name,
        id: node.id,
        key: node.key,
        roleLog: view.roleLog(node.id, "coordinator") ?? "",
        addresses: ["/ip4/127.0.0.1/tcp/7444"],
        online: "yes" as const,
      })),
      recovery: view.recovery,
    };
  }

  #subject(name: string): Subject | null {
    const view = this.replica.view();
    const node = view.nodeByName(name);
    if (node === undefined) return null;
    const attributes = ["environment", "region", "provider", "size"].flatMap((attribute) => {
      const value = view.attributeOf(node.id, attribute);
      return value === undefined ? [] : [[attribute, value] as const];
    });
    const roles: Record<string, { log: string; tips: string[] }[]> = {};
    for (const [log, record] of this.replica.authority.roleLogs) {
      if (record.node !== node.id || record.state !== "live") continue;
      const entries = this.replica.graph.entries.filter((entry) => entry.log === log);
      const tips = entries
        .filter((entry) => !entries.some((later) => this.replica.graph.isPast(entry.index, later.index)))
        .map(({ entry }) => entry.id);
      (roles[record.label] ??= []).push({ log, tips });
    }
    const { id, key, state } = node;
    return { id, key, state, labels: [...view.labelsOf(id)], attributes: Object.fromEntries(attributes), roles };
  }
}

export function hexBytes(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === null) throw new Error(`not hex: ${text}`);
  return bytes;
}
