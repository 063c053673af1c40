import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_CLAIMS } from "../src/core/alarms/claims.ts";
import { encodeAudit } from "../src/core/audit.ts";
import { toHex } from "../src/core/bytes.ts";
import { nextHlc } from "../src/core/hlc.ts";
import { serverAttributePath } from "../src/core/paths.ts";
import { encodeReport } from "../src/core/report.ts";
import { composeLink, composeObserved } from "../src/crdt/compose.ts";
import { CLASS_AUDIT } from "../src/crdt/entry/entry.ts";
import { Replica } from "../src/crdt/replica.ts";
import { createKeys } from "../src/node/platform/keys.ts";
import { type StoreHealth } from "../src/node/platform/store/health.ts";
import { openLevelDisk } from "../src/node/platform/store/level-disk.ts";
import { scopedDisk } from "../src/node/scoped-disk.ts";
import { seededRandom } from "../sim/random.ts";
import { DAMAGES, damageOf, digest, makeStore, start } from "./damages.ts";
import { atLeast, atMost, type Figure } from "./figure.ts";
import { Fleet } from "./fleet.ts";
import { bytesUnder } from "./bytes-under.ts";
import { starts } from "./starts.ts";

const keys = createKeys();
/** Entries that are admitted together: as a member catches up. */
const PORTION = 1_000;
const DAY_MS = 24 * 3_600_000;
const POSITIONS = 20;

/** How long a start takes, how large a store grows, and whether a damaged one comes back. */
export async function storeFigures(note: (text: string) => void): Promise<Figure[]> {
  return [...(await longLedger(note)), ...(await thirtyDays(note)), ...(await damages(note))];
}

async function longLedger(note: (text: string) => void): Promise<Figure[]> {
  const [paths, entries, servers] = [20_000, 100_000, 1_000];
  note(`signing ${entries} entries`);
  const fleet = await Fleet.create(1, servers);
  try {
    const name = (at: number) =>
      serverAttributePath(toHex(fleet.logs[at % servers] as Uint8Array), `a${Math.floor(at / servers)}`);
    await fill(fleet, function* () {
      // Every path once, then any of them again.
      for (let i = 0; i < entries; i++) yield fleet.pen.write({ [name((i * 7_919) % paths)]: `value ${i}` }).bytes;
    });
    const { medianMs, from } = await starts(fleet);
    const versus = `${servers} servers enrolled; until /v1/status is answered, node's own start included; ${from}`;
    return [atMost(`ready with ${paths} live paths, ${entries} historic entries`, medianMs / 1000, "s", 1.2, versus)];
  } finally {
    await fleet.end();
  }
}

/**
 * A day of a hundred nodes: every node is served ten secrets, is started once and says four times something new of
 * itself; operators write a hundred times; ten requests are denied; one machine comes by a token.
 */
const DAY = { secretsPerNode: 10, reportsPerNode: 4, writes: 100, denials: 10 } as const;

async function thirtyDays(note: (text: string) => void): Promise<Figure[]> {
  const [nodes, days] = [100, 30];
  note(`writing ${days} days of ${nodes} nodes`);
  const fleet = await Fleet.create(1, nodes);
  try {
    const { mesh } = fleet.pen;
    const beganMs = Date.now() - days * DAY_MS;
    // The secrets of all are served by two stores, which say so in their audit logs.
    const stores = [1, 2].map((at) => ({
      log: fleet.logs[at] as Uint8Array,
      signer: fleet.signers[at],
      head: null as Head,
    }));
    let hlc = { ms: 0, count: 0 };
    const seen = new Uint8Array(32);
    const audit = (store: (typeof stores)[number], timeMs: number, decision: "allowed" | "denied", node: number) => {
      const record = { actor: `node:node-${node}`, action: "secret.read", object: `secret:db/password-${node % 10}` };
      hlc = nextHlc(hlc, timeMs);
      const position = { mesh, log: store.log, class: CLASS_AUDIT, head: store.head, hlc, seen, more: 0 };
      const payload = encodeAudit({ ...record, decision, reason: "", timeMs });
      const entry = composeLink(keys, position, payload, store.signer as NonNullable<typeof store.signer>);
      store.head = { seq: entry.header.seq, hash: entry.hash };
      return entry.bytes;
    };
    let records = 0;
    await fill(fleet, function* () {
      for (let day = 0; day < days; day++) {
        const dayMs = beganMs + day * DAY_MS;
        for (const [node, log] of fleet.logs.entries()) {
          for (let i = 0; i < DAY.secretsPerNode; i++) {
            records++;
            yield audit(stores[i % 2] as (typeof stores)[number], dayMs + node * 1000 + i, "allowed", node);
          }
          for (let i = 0; i < DAY.reportsPerNode; i++) {
            hlc = nextHlc(hlc, dayMs + node * 1000 + i);
            const roles = [{ label: "secret-store", state: "running" as const, detail: "" }];
            const addresses = Array.from({ length: 4 }, (_, at) => `10.0.${node}.${at}:7444`);
            const report = {
              release: `0.1.${i}`,
              addresses,
              roles,
              os: "Linux 6.12.0",
              arch: "x64",
              alarms: NO_CLAIMS,
            };
            const position = { mesh, log, seq: day * DAY.reportsPerNode + i + 1, hlc };
            const signer = fleet.signers[node] as NonNullable<(typeof fleet.signers)[number]>;
            yield composeObserved(keys, position, encodeReport(report), signer).bytes;
          }
        }
        for (let i = 0; i < DAY.denials; i++) yield audit(stores[0] as (typeof stores)[number], dayMs, "denied", i);
        for (let i = 0; i < DAY.writes; i++) {
          const node = toHex(fleet.logs[(i * 7) % nodes] as Uint8Array);
          yield fleet.pen.write({ [serverAttributePath(node, `a${i % 8}`)]: `day ${day}` }).bytes;
        }
      }
    });
    const megabytes = bytesUnder(join(fleet.nodes[0]?.home ?? "", "store")) / 1e6;
    const { medianMs, from } = await starts(fleet);
    const life = `written as agents would leave it, not lived (suite month): ${records} audit records, ${days * DAY.writes} writes, ${days * DAY.reportsPerNode} reports of each node`;
    return [
      atMost(
        `store after ${days} days of ${nodes} nodes`,
        megabytes,
        "MB",
        50,
        `${life}; every node keeps every audit record`,
      ),
      atMost("… start of its agent", medianMs / 1000, "s", 1.5, from),
    ];
  } finally {
    await fleet.end();
  }
}

type Head = { readonly seq: number; readonly hash: Uint8Array } | null;

/** Admits entries to the store of the only home, and leaves it as an agent does that has run for an hour. */
async function fill(fleet: Fleet, entries: () => Generator<Uint8Array>): Promise<void> {
  const disk = await openLevelDisk(join(fleet.nodes[0]?.home ?? "", "store"));
  const replica = new Replica(keys, fleet.pen.mesh, scopedDisk(disk, "entries/"));
  await replica.load();
  let portion: Uint8Array[] = [];
  const admit = async () => {
    for (const { state, reason } of await replica.admit(portion, "exchange")) {
      if (state !== "admitted" && state !== "known") throw new Error(`an entry is ${state}: ${reason}`);
    }
    portion = [];
  };
  for (const bytes of entries()) {
    portion.push(bytes);
    if (portion.length === PORTION) await admit();
  }
  await admit();
  await replica.sumUp();
  await disk.close();
}

/** Every kind of damage at twenty places each; everything that a snapshot has must be there again. */
async function damages(note: (text: string) => void): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "lab-bench-damage-"));
  const [template, home] = [join(directory, "template"), join(directory, "home")];
  const store = join(home, "store");
  const states = new Map<StoreHealth["state"], number>();
  let [cases, healed] = [0, 0];
  try {
    const written = await makeStore(join(template, "store"));
    const entries = written.filter(({ key }) => key.startsWith("c/"));
    const options = { now: () => new Date(), monotonicMs: () => performance.now(), snapshot: async () => written };
    for (const [name, damage] of Object.entries(DAMAGES)) {
      note(`damage: ${name}`);
      for (let position = 0; position < POSITIONS; position++) {
        rmSync(home, { recursive: true, force: true });
        cpSync(template, home, { recursive: true });
        damage(store, seededRandom(`${name} ${position}`));
        const opened = await start(store, options);
        const { state } = opened.health();
        states.set(state, (states.get(state) ?? 0) + 1);
        const isWhole = (await damageOf(store, opened)) === null;
        const isSame = digest(await opened.disk.scan("c/")) === digest(entries);
        await opened.disk.close();
        cases++;
        if (isWhole && isSame) healed++;
        else note(`NOT HEALED: ${name}, position ${position}`);
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const how = [...states].map(([state, count]) => `${count} ${state}`).join(", ");
  const kinds = Object.keys(DAMAGES).length;
  return [
    atLeast(
      "damaged stores that came back with every record",
      healed,
      "stores",
      cases,
      `${kinds} kinds of damage × ${POSITIONS} places; ${how}`,
    ),
  ];
}
