import { NO_CLAIMS } from "../../src/core/alarms/claims.ts";
import { toHex } from "../../src/core/bytes.ts";
import type { Clock } from "../../src/core/ports/clock.ts";
import type { Keys, Signer } from "../../src/core/ports/keys.ts";
import type { Random } from "../../src/core/ports/random.ts";
import { Replica } from "../../src/crdt/replica.ts";
import { OwnLogs } from "../../src/node/home/own-logs.ts";
import { scopedDisk } from "../../src/node/scoped-disk.ts";
import { SimDisk } from "../../sim/disk.ts";

/**
 * As much of a member as it takes to say something: its own logs as the agent keeps them, over a replica that knows who
 * is a member and what it said itself. It hears nothing from others.
 */
export class Author {
  readonly #replica: Replica;
  readonly #own: OwnLogs;
  readonly #clock: Clock;
  readonly #inPlaceOfAddresses: string;
  #said: Uint8Array[] = [];
  #reports = 0;

  constructor(parts: {
    readonly log: Uint8Array;
    readonly signer: Signer;
    readonly mesh: Uint8Array;
    readonly keys: Keys;
    readonly clock: Clock;
    readonly random: Random;
    /** The beginning of its addresses. */
    readonly network: string;
  }) {
    const { log, signer, mesh, keys, clock, random } = parts;
    const disk = new SimDisk({ random });
    this.#replica = new Replica(keys, mesh, scopedDisk(disk, "entries/"));
    const node = toHex(log);
    this.#own = new OwnLogs({
      replica: this.#replica,
      keys,
      clock,
      disk: scopedDisk(disk, "own/"),
      signer,
      node: () => node,
    });
    this.#clock = clock;
    this.#inPlaceOfAddresses = [0, 1, 2, 3].map((at) => `${parts.network}${at}:7444`).join(", ");
    this.#replica.onGrowth(({ entries }) => this.#said.push(...entries.map(({ bytes }) => bytes)));
  }

  /** Learns who is a member. */
  async begin(authority: readonly Uint8Array[]): Promise<void> {
    await this.#replica.load();
    await this.#replica.admit(authority, "local");
    await this.#own.becomeSure();
    this.#said = [];
  }

  /** A new report. It tells no address: nobody shall dial in vain whoever answers nothing. */
  async report(): Promise<Uint8Array[]> {
    const detail = `report ${++this.#reports}, in place of addresses: ${this.#inPlaceOfAddresses}`;
    const facts = { release: "0.1.0", addresses: [], os: "Linux 6.12.0", arch: "x64", alarms: NO_CLAIMS };
    await this.#own.report({ ...facts, roles: [{ label: "web", state: "running", detail }] });
    return this.#said.splice(0);
  }

  /** That something was denied at this machine. */
  async deny(): Promise<Uint8Array[]> {
    const record = {
      actor: "user:1000",
      action: "secret.read",
      object: "secret:db/password",
      decision: "denied",
    } as const;
    await this.#own.audit({ ...record, reason: "", timeMs: this.#clock.now() });
    return this.#said.splice(0);
  }
}
