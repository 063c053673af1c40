import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { toBase64Url, toHex } from "../../src/core/bytes.ts";
import { serverAttributePath } from "../../src/core/paths.ts";
import type { Log } from "../../src/core/ports/log.ts";
import { Secret } from "../../src/core/secret.ts";
import { CLASS_AUDIT, CLASS_DESIRED, decodeEntry } from "../../src/crdt/entry/entry.ts";
import { ownLogDir, writeKeyFile } from "../../src/operator/files/key-file.ts";
import { OwnLog } from "../../src/operator/files/own-log.ts";
import { SUBMIT_PATH } from "../../src/operator/requests.ts";
import { openSession } from "../../src/operator/session.ts";
import { seedSigner } from "../../src/operator/signer.ts";
import { openLevelDisk } from "../../src/node/platform/store/level-disk.ts";
import { SimClock, WORLD_BEGINS_MS } from "../../sim/clock.ts";
import { SimDisk } from "../../sim/disk.ts";
import { createSimKeys } from "../../sim/keys.ts";
import { SimNetwork } from "../../sim/network.ts";
import { seededRandom } from "../../sim/random.ts";
import { atMost, type Figure } from "../figure.ts";
import { Fleet, Pen } from "../fleet.ts";
import { bytesUnder } from "../bytes-under.ts";
import { starts } from "../starts.ts";
import { Author } from "./author.ts";
import { MirroredDisk } from "./mirrored-disk.ts";
import { WholeAgent } from "./whole-agent.ts";

const [NODES, WHOLE, DAYS] = [100, 3, 30];
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What happens in a day besides what whole agents do by themselves: as in the figure that is written and not lived. */
const DAY = { reportsPerNode: 4, secretsPerNode: 10, denials: 10, writes: 100 } as const;
const ATTRIBUTES = 8;

/** What happens at some moment of a day. */
interface Event {
  readonly atMs: number;
  readonly happen: () => Promise<void>;
}

/** A month of a mesh in virtual time, and the store that one of its agents is left with. */
export async function monthFigures(note: (text: string) => void): Promise<Figure[]> {
  const month = await Month.create(note);
  try {
    return await month.live();
  } finally {
    await month.end();
  }
}

class Month {
  readonly #note: (text: string) => void;
  readonly #fleet: Fleet;
  readonly #operator: Secret;
  readonly #operatorDir = mkdtempSync(join(tmpdir(), "lab-bench-month-"));
  readonly #clock = new SimClock();
  readonly #random = seededRandom("month");
  readonly #keys = createSimKeys(seededRandom("month keys"));
  readonly #network = new SimNetwork(this.#clock, seededRandom("month network"));
  readonly #errors = new Map<string, number>();
  readonly #offsetMs = Date.now() - DAYS * DAY_MS - WORLD_BEGINS_MS;
  readonly #whole: WholeAgent[] = [];
  readonly #authors: Author[] = [];
  #said = 0;
  #written = 0;

  private constructor(fleet: Fleet, operator: Secret, note: (text: string) => void) {
    [this.#fleet, this.#operator, this.#note] = [fleet, operator, note];
  }

  static async create(note: (text: string) => void): Promise<Month> {
    const seed = seededRandom("month operator").bytes(32);
    const fleet = await Fleet.create(WHOLE, NODES, new Pen(new Secret(new Uint8Array(seed))));
    return new Month(fleet, new Secret(seed), note);
  }

  async end(): Promise<void> {
    rmSync(this.#operatorDir, { recursive: true, force: true });
    await this.#fleet.end();
  }

  async live(): Promise<Figure[]> {
    const beganCpu = process.cpuUsage();
    const [first] = this.#fleet.nodes;
    if (first === undefined) throw new Error("no home");
    const store = await openLevelDisk(join(first.home, "store"));
    const disk = await this.#mirror(store);
    await this.#begin(disk);
    let largest = 0;
    for (let day = 0; day < DAYS; day++) {
      for (const { atMs, happen } of this.#eventsOf(day)) {
        await this.#until(atMs, disk, store);
        await happen();
      }
      await this.#until((day + 1) * DAY_MS, disk, store);
      largest = Math.max(largest, bytesUnder(join(first.home, "store")));
      const { user, system } = process.cpuUsage(beganCpu);
      this.#note(`day ${day + 1}: ${(largest / 1e6).toFixed(1)} MB, ${((user + system) / 1e6).toFixed(0)} s of CPU`);
    }
    const life = this.#judge();
    for (const agent of this.#whole) await agent.stop(this.#clock);
    await disk.repeatOn(store);
    await store.close();
    const { user, system } = process.cpuUsage(beganCpu);
    const cpu = `${((user + system) / 1e6).toFixed(0)} s of CPU`;
    const lived = `lived in virtual time: ${WHOLE} whole agents without a pause, with retention, bases, restarts and, in this home, hourly snapshots (${(bytesUnder(join(first.home, "snapshots")) / 1e6).toFixed(1)} MB); the other ${NODES - WHOLE} members say what they have to by the agent's own code and are else silent; ${life}; ${cpu}`;
    const { medianMs, from } = await starts(this.#fleet);
    return [
      atMost(`store after ${DAYS} virtual days of ${NODES} nodes, at its largest`, largest / 1e6, "MB", 50, lived),
      atMost("… start of its agent", medianMs / 1000, "s", 1.5, from),
    ];
  }

  /** A disk that has what the home was made with, and does in memory what the store does later. */
  async #mirror(store: Awaited<ReturnType<typeof openLevelDisk>>): Promise<MirroredDisk> {
    const inner = new SimDisk({ random: seededRandom("month disk") });
    await inner.append(await store.scan(""), true);
    return new MirroredDisk(inner);
  }

  async #begin(disk: MirroredDisk): Promise<void> {
    const { nodes, logs, signers, pen } = this.#fleet;
    const stores = logs.slice(1, WHOLE).map((node) => ({ type: "role", node, label: "secret-store", at: 0 }) as const);
    for (const body of stores) pen.act(body);
    writeKeyFile(this.#operatorDir, {
      name: "alice",
      mesh: pen.mesh,
      publicKey: pen.signer.publicKey,
      custody: { kind: "plain", seed: this.#operator },
    });
    const own = OwnLog.open(this.#keys, ownLogDir(this.#operatorDir, "alice"), pen.log);
    own.append(pen.entries.slice(1).map((bytes) => decodeEntry(this.#keys, bytes)));
    const addressOf = (at: number) => `10.0.0.${at + 1}:7444`;
    const bootstrap = nodes.map((_, at) => {
      return { key: toHex(signers[at]?.publicKey ?? new Uint8Array(0)), addresses: [addressOf(at)] };
    });
    for (const [at, node] of nodes.entries()) {
      const memory = at === 0 ? disk : new SimDisk({ random: seededRandom(`month disk ${at}`) });
      const agent = await WholeAgent.of({
        node,
        address: addressOf(at),
        bootstrap: bootstrap.filter((_, i) => i !== at),
        clock: this.#clock.clockFor(node.name, { offsetMs: this.#offsetMs }),
        network: this.#network,
        random: this.#random.fork(node.name),
        keys: this.#keys,
        log: this.#log(),
        disk: memory,
        snapshots: at === 0 ? "kept" : "none",
      });
      this.#whole.push(agent);
      await agent.start();
      await agent.agent.submit(pen.entries);
    }
    for (let at = WHOLE; at < NODES; at++) {
      const author = new Author({
        log: logs[at] as Uint8Array,
        signer: signers[at] as (typeof signers)[number],
        mesh: pen.mesh,
        keys: this.#keys,
        clock: this.#clock.clockFor(`author ${at}`, { offsetMs: this.#offsetMs }),
        random: this.#random.fork(`author ${at}`),
        network: `10.1.${at}.`,
      });
      await author.begin(pen.entries);
      this.#authors.push(author);
    }
  }

  /** Passes on what happens, and does on the real disk what was done in memory. */
  async #until(atMs: number, disk: MirroredDisk, store: Awaited<ReturnType<typeof openLevelDisk>>): Promise<void> {
    while (this.#clock.monotonic() < atMs) {
      await this.#clock.runUntil(Math.min(atMs, this.#clock.monotonic() + HOUR_MS));
      // Real writes, those of snapshots among them, take no virtual time.
      await turn();
      await disk.repeatOn(store);
    }
  }

  #eventsOf(day: number): Event[] {
    const moment = () => day * DAY_MS + this.#random.below(DAY_MS);
    const any = <T>(items: readonly T[]): T => items[this.#random.below(items.length)] as T;
    const events: Event[] = [];
    const add = (count: number, happen: (i: number) => Promise<void>) => {
      for (let i = 0; i < count; i++) events.push({ atMs: moment(), happen: () => happen(i) });
    };
    for (const author of this.#authors) {
      add(DAY.reportsPerNode, async () => this.#hand(await author.report(), any(this.#whole)));
    }
    add(DAY.denials, async () => this.#hand(await any(this.#authors).deny(), any(this.#whole)));
    add(NODES * DAY.secretsPerNode, async (i) => {
      const object = `secret:db/password-${i % 10}`;
      const record = {
        actor: `node:node-${i % NODES}`,
        action: "secret.read",
        object,
        decision: "allowed",
        reason: "",
      };
      await any(this.#whole).agent.audit({ ...record, decision: "allowed" });
    });
    add(DAY.writes, (i) => this.#write(day, i, any(this.#whole)));
    const restarted = any(this.#whole);
    add(1, async () => {
      await restarted.stop(this.#clock);
      await restarted.start();
    });
    return events.sort((a, b) => a.atMs - b.atMs);
  }

  /** As a member's agent hands on what it signed: to one, by whom all others get it. */
  async #hand(entries: readonly Uint8Array[], to: WholeAgent): Promise<void> {
    this.#said += entries.length;
    await to.call("POST", SUBMIT_PATH, { body: { entries: entries.map((bytes) => toBase64Url(bytes)) } });
  }

  /** `lab set`, but for its words. */
  async #write(day: number, i: number, courier: WholeAgent): Promise<void> {
    const node = toHex(this.#fleet.logs[(i * 7) % NODES] as Uint8Array);
    const path = serverAttributePath(node, `a${i % ATTRIBUTES}`);
    const session = await openSession(
      {
        keys: this.#keys,
        operatorDir: this.#operatorDir,
        operator: undefined,
        courier,
        unlock: async () => seedSigner(this.#keys, this.#operator),
        now: () => this.#clock.now() + this.#offsetMs,
        note: () => undefined,
      },
      { paths: [path] },
    );
    try {
      await session.sign({ writes: [{ path, value: `day ${day}` }] });
      this.#written++;
    } finally {
      session.close();
    }
  }

  #log(): Log {
    return {
      write: (level, event) => {
        if (level === "error") this.#errors.set(event, (this.#errors.get(event) ?? 0) + 1);
      },
    };
  }

  /** What came of it; throws if the agents do not agree, or lack anything. */
  #judge(): string {
    const [first, ...others] = this.#whole.map(({ agent }) => agent);
    if (first === undefined) throw new Error("nobody lives");
    const state = toHex(first.replica.stateHash());
    if (others.some(({ replica }) => toHex(replica.stateHash()) !== state)) throw new Error("the agents disagree");
    if (this.#errors.size > 0) throw new Error(`agents complained: ${JSON.stringify([...this.#errors])}`);
    const links = (chainClass: number) =>
      [...first.replica.chains.values()].reduce((sum, chain) => sum + (chain.class === chainClass ? chain.size : 0), 0);
    const [audit, desired] = [links(CLASS_AUDIT), links(CLASS_DESIRED)];
    const least = DAYS * (NODES * DAY.secretsPerNode + DAY.denials);
    if (audit < least || desired !== this.#written) throw new Error(`records are missing: ${audit} of ${least}`);
    return `${audit} audit records, ${desired} writes by an operator's own session, ${this.#said} reports and denials handed in, no error in any log`;
  }
}
