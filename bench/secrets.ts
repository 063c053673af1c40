import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { get } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toBase64Url, toHex } from "../src/core/bytes.ts";
import type { Json } from "../src/core/json.ts";
import { labelPath, secretVersionPath } from "../src/core/paths.ts";
import { Secret } from "../src/core/secret.ts";
import { decodeEnvelope } from "../src/core/secrets/envelope.ts";
import { prepareSecret } from "../src/core/secrets/prepare.ts";
import { envelopeRecord } from "../src/core/secrets/stored-envelope.ts";
import { ensureKeys } from "../src/node/platform/home.ts";
import { createKeys } from "../src/node/platform/keys.ts";
import { systemRandom } from "../src/node/platform/random.ts";
import { openLevelDisk } from "../src/node/platform/store/level-disk.ts";
import { scopedDisk } from "../src/node/scoped-disk.ts";
import { atMost, type Figure, median, percentile } from "./figure.ts";
import { ask, type BenchNode, Fleet, LAB, post, submit } from "./fleet.ts";
import { measure } from "./process-cost.ts";
import { headsOf, readFigures } from "./secret-reads.ts";

const AGENTS = 20;
const SETS = 200;
const ROUNDS = 15;
const FILLED = 10_000;
const PATH = "bench/value";

const keys = createKeys();
const random = systemRandom();

/** How fast a value is where it is needed, and how much a store can do. */
export async function secretFigures(note: (text: string) => void): Promise<Figure[]> {
  return [...(await fleetFigures(note)), ...(await fillFigures(note))];
}

async function fleetFigures(note: (text: string) => void): Promise<Figure[]> {
  const fleet = await Fleet.create(AGENTS, AGENTS + 1);
  try {
    note(`starting ${AGENTS} agents`);
    fleet.start();
    await fleet.converged(120_000);
    const [store] = fleet.nodes;
    if (store === undefined) throw new Error("no agents");
    await submit(store.socket, fleet.pen.write({ [labelPath("*")]: { secrets: [PATH] } }).bytes);
    const tookMs: number[] = [];
    for (let i = 0; i < SETS; i++) {
      tookMs.push(...(await setEverywhere(fleet, store, `value ${i}`)));
      if (i % 50 === 49) note(`${i + 1} of ${SETS} values`);
    }
    const figures = [
      atMost(
        `set → usable on every entitled machine, ${AGENTS} machines, p99`,
        percentile(tookMs, 0.99) / 1000,
        "s",
        2,
        `${SETS} values: median ${median(tookMs).toFixed(0)} ms, worst ${Math.max(...tookMs).toFixed(0)}; all on one machine`,
      ),
      await getFigure(store),
    ];
    // The others would only share two cores with the store and its readers.
    await fleet.kill(fleet.nodes.slice(1));
    return [...figures, ...(await readFigures(fleet, store, PATH))];
  } finally {
    await fleet.end();
  }
}

/** From handing over what was signed until each machine gives the value to whoever asks it. */
async function setEverywhere(fleet: Fleet, store: BenchNode, text: string): Promise<number[]> {
  const prepared = prepare(fleet, text, await headsAt(fleet, store));
  const link = fleet.pen.write({ [secretVersionPath(PATH)]: prepared.metadata });
  const { recipient } = await ensureSeal(store);
  const envelope = toBase64Url(await prepared.finish(link.id, [recipient]));
  const begin = performance.now();
  await submit(store.socket, link.bytes);
  await post(store.socket, "/v1/secret-envelopes", { path: PATH, version: link.id, envelope });
  return Promise.all(
    fleet.nodes.map(async ({ home }) => {
      while ((await versionAt(home)) !== link.id) {
        if (performance.now() - begin > 30_000) throw new Error(`${home} does not get the value`);
        await sleep(20);
      }
      return performance.now() - begin;
    }),
  );
}

async function getFigure(store: BenchNode): Promise<Figure> {
  const bare: number[] = [];
  const gets: number[] = [];
  for (let i = 0; i <= ROUNDS; i++) {
    const [a, b] = [timed(process.execPath, ["-e", "0"]), timed(LAB, ["secret", "get", PATH, "--home", store.home])];
    if (i === 0) continue;
    bare.push(a);
    gets.push(b);
  }
  const versus = `node -e 0 in turn, medians of ${ROUNDS}: ${median(bare).toFixed(1)} ms`;
  return atMost("lab secret get", median(gets) / median(bare), "×", 2.5, versus);
}

/** From the label until the new store says that it holds all, wrapped to both. */
async function fillFigures(note: (text: string) => void): Promise<Figure[]> {
  const fleet = await Fleet.create(2, 2);
  try {
    const [store, other] = fleet.nodes;
    if (store === undefined || other === undefined) throw new Error("no agents");
    note(`making ${FILLED} secrets`);
    const { recipient } = await ensureSeal(store);
    const prepared = Array.from({ length: FILLED }, (_, i) => {
      const path = `bench/value-${i}`;
      return { path, ...prepare(fleet, `value ${i}`, new Uint8Array(32), path) };
    });
    const links: Uint8Array[] = [];
    const disk = await openLevelDisk(join(store.home, "store"));
    const envelopes = scopedDisk(disk, "role/secret-store/");
    for (let from = 0; from < FILLED; from += 100) {
      const part = prepared.slice(from, from + 100);
      const values: Record<string, Json> = {};
      for (const { path, metadata } of part) values[secretVersionPath(path)] = metadata;
      const { bytes, id } = fleet.pen.write(values);
      links.push(bytes);
      const sealed = await Promise.all(part.map((secret) => secret.finish(id, [recipient])));
      const records = sealed.map((bytes) => envelopeRecord({ storedMs: Date.now(), envelope: decodeEnvelope(bytes) }));
      await envelopes.append(records, true);
    }
    await disk.close();
    fleet.start();
    await fleet.converged(60_000);
    for (const bytes of links) await submit(store.socket, bytes);
    await fleet.converged(60_000);
    const role = fleet.pen.act({ type: "role", node: other.log, label: "secret-store", at: Date.now() });
    if (role.length === 0) throw new Error("no role");
    const begin = performance.now();
    const before = [cpuOf(store), cpuOf(other)];
    await submit(store.socket, fleet.pen.entries.at(-1) as Uint8Array);
    for (;;) {
      const { item } = (await ask(store.socket, "/v1/secret-stores")) as {
        item: { replicas: readonly { held: number; current: number; toWrap: number }[] };
      };
      const whole = item.replicas.filter((one) => one.held === FILLED && one.current === FILLED && one.toWrap === 0);
      if (whole.length === 2) break;
      if (performance.now() - begin > 300_000) throw new Error(`not filled: ${JSON.stringify(item.replicas)}`);
      await sleep(200);
    }
    const cpu = [store, other].map((node, i) => `${(cpuOf(node) - (before[i] ?? 0)).toFixed(1)} s`);
    const versus = `values of some bytes, wrapped anew to both stores, which share a machine; CPU: ${cpu.join(" and ")}`;
    return [atMost(`fill a new store with ${FILLED} secrets`, (performance.now() - begin) / 1000, "s", 60, versus)];
  } finally {
    await fleet.end();
  }
}

function prepare({ pen }: Fleet, text: string, heads: Uint8Array, path = PATH) {
  const value = new Secret(new TextEncoder().encode(`${text} ${toHex(new Uint8Array(randomBytes(8)))}`));
  return prepareSecret({ keys, random, mesh: pen.mesh, path, value, heads, tips: [], nowMs: Date.now() });
}

async function ensureSeal({ home }: BenchNode): Promise<{ readonly recipient: string }> {
  return (await ensureKeys(home, keys)).seal;
}

async function headsAt(fleet: Fleet, node: BenchNode): Promise<Uint8Array> {
  return (await headsOf(fleet, node)).authority;
}

/** The version whose value a machine gives now; null while it gives none. */
function versionAt(home: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const path = `/v1/secret-values/${PATH}`;
    const sent = get({ socketPath: join(home, "run/secrets.sock"), path, agent: false }, (response) => {
      response.resume();
      const version = response.headers["lab-secret-version"];
      response.on("end", () => resolve(typeof version === "string" ? version : null));
    });
    sent.once("error", reject);
  });
}

function cpuOf({ process: child }: BenchNode): number {
  return measure(child?.pid ?? 0).cpuS;
}

function timed(command: string, argv: readonly string[]): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(command, argv, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${argv.join(" ")}: ${stderr}`);
  return performance.now() - begin;
}
