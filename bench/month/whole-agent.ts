import { fromHex } from "../../src/core/bytes.ts";
import type { Disk } from "../../src/core/ports/disk.ts";
import type { Keys } from "../../src/core/ports/keys.ts";
import type { Log } from "../../src/core/ports/log.ts";
import type { Random } from "../../src/core/ports/random.ts";
import { Agent } from "../../src/node/agent.ts";
import { SnapshotKeeper } from "../../src/node/home/home-store.ts";
import { OperationCalls } from "../../src/node/operation-calls.ts";
import { readHome, readKeys } from "../../src/node/platform/home.ts";
import { parseInput } from "../../src/operations/input.ts";
import { operations } from "../../src/operations/registry.ts";
import type { Courier } from "../../src/operator/requests.ts";
import { roles } from "../../src/roles/catalogue.ts";
import type { NodeClock, SimClock } from "../../sim/clock.ts";
import { interfacesAt } from "../../sim/machine.ts";
import type { SimNetwork } from "../../sim/network.ts";
import type { BenchNode } from "../fleet.ts";

export interface WholeAgentParts {
  readonly node: BenchNode;
  /** Where it is in the virtual network. */
  readonly address: string;
  readonly bootstrap: readonly { readonly key: string; readonly addresses: readonly string[] }[];
  readonly clock: NodeClock;
  readonly network: SimNetwork;
  readonly random: Random;
  readonly keys: Keys;
  readonly log: Log;
  readonly disk: Disk;
  /** Whether it makes snapshots in its home. */
  readonly snapshots: "kept" | "none";
}

/** The agent of a home in virtual time, with everything that it does by itself. */
export class WholeAgent implements Courier {
  readonly key: string;
  readonly #parts: WholeAgentParts;
  readonly #own: NonNullable<Awaited<ReturnType<typeof readKeys>>>;
  readonly #file: NonNullable<Awaited<ReturnType<typeof readHome>>>;
  #running: { readonly agent: Agent; readonly calls: OperationCalls; readonly snapshots: SnapshotKeeper } | null = null;
  #starts = 0;

  private constructor(
    parts: WholeAgentParts,
    own: NonNullable<Awaited<ReturnType<typeof readKeys>>>,
    file: NonNullable<Awaited<ReturnType<typeof readHome>>>,
  ) {
    this.#parts = parts;
    this.#own = own;
    this.#file = file;
    this.key = Buffer.from(parts.keys.signer(own.seed).publicKey).toString("hex");
  }

  static async of(parts: WholeAgentParts): Promise<WholeAgent> {
    const [own, file] = [await readKeys(parts.node.home), await readHome(parts.node.home)];
    if (own === null || file === null) throw new Error(`${parts.node.name} has no home`);
    return new WholeAgent(parts, own, file);
  }

  get agent(): Agent {
    if (this.#running === null) throw new Error(`${this.#parts.node.name} does not run`);
    return this.#running.agent;
  }

  async start(): Promise<void> {
    const { address, clock, network, random, keys, log, disk, node } = this.#parts;
    const agent = new Agent({
      platform: {
        clock,
        random: random.fork(`start ${++this.#starts}`),
        disk,
        link: network.createLink(this.key, address),
        interfaces: { addresses: () => interfacesAt(address) },
        keys,
        log,
        notifier: { programs: async () => [], send: async () => undefined },
      },
      identity: {
        mesh: fromHex(this.#file.mesh) as Uint8Array,
        node: this.#file.node,
        signer: keys.signer(this.#own.seed),
        seal: this.#own.seal,
        machineKey: this.#own.machineKey,
      },
      roles,
      bootstrap: this.#parts.bootstrap,
      release: "0.1.0",
      os: "Linux 6.12.0",
      arch: "x64",
    });
    await agent.load();
    const calls = new OperationCalls(agent);
    await agent.start();
    const snapshots = new SnapshotKeeper({ home: node.home, disk, clock, log }, () => agent.replica.revision);
    if (this.#parts.snapshots === "kept") snapshots.start();
    this.#running = { agent, calls, snapshots };
  }

  async stop(clock: SimClock): Promise<void> {
    const running = this.#running;
    this.#running = null;
    // A snapshot that is being written takes real time and none of the world's.
    await running?.snapshots.stop();
    if (running !== null) await clock.until(running.agent.stop());
  }

  /** As the command line asks over the agent's socket. */
  async call(method: "GET" | "POST", path: string, { body }: { readonly body?: unknown } = {}): Promise<unknown> {
    const operation = operations.find((one) => one.method === method && one.path === path);
    if (operation === undefined || this.#running === null) throw new Error(`nothing answers ${method} ${path}`);
    return this.#running.calls.call(operation, parseInput(operation, { body }));
  }
}
