import { fromBase64Url, fromHex } from "../../../src/core/bytes.ts";
import { LabError } from "../../../src/core/errors.ts";
import { fleetOf } from "../../../src/core/model/fleet-reader.ts";
import type { NodeDirectory } from "../../../src/node/directory.ts";
import { Targeting } from "../../../src/core/targeting/targeting.ts";
import type { Keys } from "../../../src/core/ports/keys.ts";
import { Replica } from "../../../src/crdt/replica.ts";
import { declarationState } from "../../../src/node/handlers/declaration-state.ts";
import type { ReadSource } from "../../../src/node/handlers/read-source.ts";
import { declarationStateOperation } from "../../../src/operations/declaration.ts";
import { parseInput } from "../../../src/operations/input.ts";
import { removalEndsOperation, removalPreviewOperation } from "../../../src/operations/removal.ts";
import {
  CONTEXT_PATH,
  type Courier,
  type OperatorContext,
  REMOVAL_ENDS_PATH,
  REMOVAL_PREVIEW_PATH,
  SUBMIT_PATH,
} from "../../../src/operator/requests.ts";
import { removalEnds, removalPreview } from "../../../src/node/handlers/removal.ts";
import { operatorContext } from "../../../src/node/handlers/operator-context.ts";
import { SimDisk } from "../../../sim/disk.ts";
import { seededRandom } from "../../../sim/random.ts";

type Question = Parameters<typeof operatorContext>[1];

/** An agent as far as an operator meets it: a real replica behind the two operations that a write needs. */
export class ReplicaPeer implements Courier {
  readonly name: string;
  readonly disk: SimDisk;
  readonly replica: Replica;
  nowMs = 1_800_000_000_000;
  /** - `up` · `deaf`: answers questions, takes no entries · `down` */
  state: "up" | "deaf" | "down" = "up";
  submissions = 0;

  constructor(name: string, keys: Keys, mesh: Uint8Array) {
    this.name = name;
    this.#keys = keys;
    this.disk = new SimDisk({ random: seededRandom(name) });
    this.replica = new Replica(keys, mesh, this.disk);
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
    if (path === REMOVAL_ENDS_PATH) {
      return removalEnds(this.source(), parseInput(removalEndsOperation, { body }));
    }
    if (path === REMOVAL_PREVIEW_PATH) {
      return removalPreview(this.source(), parseInput(removalPreviewOperation, { body }));
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
    const view = this.replica.view();
    const own = view.nodeByName(this.name) ?? [...view.nodes.values()][0];
    return {
      replica: this.replica,
      directory: {
        reports: () => new Map(),
        report: () => undefined,
        addressesOf: () => ["127.0.0.1:7444"],
      } as Partial<NodeDirectory> as NodeDirectory,
      keys: this.#keys,
      self: { id: own?.id ?? "", key: own?.key ?? "" },
      definitions: [],
      targeting: () => Targeting.of(fleetOf(this.replica.view())),
      nowMs: () => this.nowMs,
      opinion: (key) => ({ key, online: "yes", connected: "direct", rttMs: 1, lastHeardMs: this.nowMs }),
      verdict: () => null,
      asOfMs: () => this.nowMs,
      observation: () => ({ verdict: () => "alive", isolated: null, revision: 0 }),
      alarms: () => [],
      complaints: () => [],
      hasPreSharedKey: false,
      exposures: () => [],
      ownAddresses: () => ["127.0.0.1:7444"],
      ownRoles: () => [],
      strangerTo: () => [],
      observedHash: () => "",
      warnings: () => [],
    };
  }

  /** What it makes of the truth: a test may have it lie. */
  answer = (context: OperatorContext): OperatorContext => context;

  #context(input: Question): OperatorContext {
    const { name } = this;
    const context = operatorContext(this.source(), input);
    // It goes by a name of its own, whichever machine's replica it is.
    return this.answer({ ...context, meta: { ...context.meta, peer: name }, self: { ...context.self, name } });
  }
}

export function hexBytes(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === null) throw new Error(`not hex: ${text}`);
  return bytes;
}
