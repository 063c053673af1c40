import { readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededRandom } from "../../sim/random.ts";
import { fromHex } from "../../src/core/bytes.ts";
import { openEnvelope } from "../../src/core/secrets/envelope.ts";
import { ENVELOPES, readEnvelopeAt } from "../../src/core/secrets/stored-envelope.ts";
import { readKeys } from "../../src/node/platform/home.ts";
import { createKeys } from "../../src/node/platform/keys.ts";
import { openLevelDisk } from "../../src/node/platform/store/level-disk.ts";
import { scopedDisk } from "../../src/node/scoped-disk.ts";
import { Lab, type Machine, until } from "./lab.ts";

const ROUNDS = 15;
/** A fast machine ends most of what it does before the kill: then it goes on until enough fell into the middle. */
const MOST_ROUNDS = 60;
/** Enough that a fill or a rewrap is killed many times before it comes to its end. */
const GENERATED = 300;
const SET = ["app/one", "app/two", "app/three"];
const ROTATED = "app/rotated";
/** A start changes the store about so often before the role begins. */
const CHANGES_OF_A_START = 18;
/** A set, or a rotation, changes it about half as often. */
const MOST_CHANGES = 14;
const LATEST_MS = 3;
/** A quarter of a minute where nothing else runs. */
const HANG_MS = 180_000;

/** Whether there is one more round, of so many that fell into the middle. */
function isWanted(round: number, inTheMiddle: number, enough: number): boolean {
  return round < ROUNDS || (inTheMiddle < enough && round < MOST_ROUNDS);
}

interface Kept {
  readonly path: string;
  readonly version: string;
  readonly recipients: readonly string[];
  readonly value: string;
  /** All of the record, with the time at which it was kept. */
  readonly bytes: string;
}

/**
 * nas-1 is the coordinator and lives. The agent of nas-2 is killed when its store directory has changed so often, or a
 * moment later, as a seed has it; then its disk is read, as nobody could see it meanwhile.
 */
describe("a secret store whose agent is killed", () => {
  const random = seededRandom("store kills");
  const keys = createKeys();
  let lab: Lab;
  let nas1: Machine;
  let nas2: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    nas1 = lab.machine("nas-1");
    nas2 = lab.machine("nas-2");
    await nas1.found();
    await nas2.join(await nas1.token("--name", "nas-2"));
    const paths = Array.from({ length: GENERATED }, (_, i) => `many/key-${i}`);
    const generated = [...paths, ROTATED].map((path) => `  ${path}: { type: dynamic, generator: random, length: 24 }`);
    const app = `labels: { app: { secrets: [${[...SET, ROTATED].join(", ")}] } }`;
    await nas1.run(["apply", "-f", "-"], { input: `${app}\nsecrets:\n${generated.join("\n")}\n` });
    await nas1.run(["label", "server", "nas-1", "app"]);
    await until("nas-1 has made all", async () => (await stateOf("nas-1")) === `synced ${GENERATED + 1}`);
    await nas2.killAgent();
  });

  afterAll(() => lab.close());

  /** What a store says of itself, and how much it holds. */
  async function stateOf(name: string, through = nas1): Promise<string> {
    const { body } = await through.ask("GET", "/v1/secret-stores");
    const { replicas = [] } = (body as { item?: { replicas?: readonly Record<string, string | number>[] } }).item ?? {};
    const one = replicas.find((replica) => replica["name"] === name);
    return `${one?.["state"]} ${one?.["held"]}`;
  }

  async function versionsOf(path: string): Promise<readonly { version: string; stores: readonly string[] | null }[]> {
    const { body } = await nas2.ask("GET", `/v1/secret-versions?path=${path}`);
    return (body as { items?: [] } | undefined)?.items ?? [];
  }

  /**
   * Kills the agent when the store has changed so often since `work` began, or when that has ended before. What the
   * agent said until then names nothing damaged.
   */
  async function killAfter<T>(changes: number, work: () => Promise<T>): Promise<T> {
    let left = changes;
    const reached = Promise.withResolvers<void>();
    const watcher = watch(join(nas2.home, "store"), () => --left === 0 && reached.resolve());
    const lateMs = random.below(LATEST_MS);
    try {
      const working = work();
      await Promise.race([reached.promise.then(() => sleep(lateMs)), working.catch(() => undefined)]);
      await nas2.killAgent();
      expect((await nas2.agentEnds).stderr).not.toMatch(/damaged|healed|value-refused|not-audited/);
      return await working;
    } finally {
      watcher.close();
    }
  }

  /** All that lies in the store of nas-2, each opened with its key: nothing is half-written. */
  async function kept(): Promise<readonly Kept[]> {
    const own = await readKeys(nas2.home);
    const { mesh } = JSON.parse(readFileSync(join(nas2.home, "home.json"), "utf8")) as { mesh: string };
    const disk = await openLevelDisk(join(nas2.home, "store"));
    try {
      const records = await scopedDisk(disk, "role/secret-store/").scan(ENVELOPES);
      return await Promise.all(
        records.map(async (record) => {
          const { envelope } = readEnvelopeAt(record);
          const opened = own && (await openEnvelope(keys, own.seal, fromHex(mesh) as Uint8Array, envelope));
          if (!opened) throw new Error(`${record.key} is not sealed to nas-2`);
          const { path, version, recipients } = envelope;
          const value = Buffer.from(opened.value.reveal()).toString();
          return { path, version, recipients, value, bytes: Buffer.from(record.value).toString("base64") };
        }),
      );
    } finally {
      await disk.close();
    }
  }

  /** Starts the agent and kills it while it works at what it finds to do; what lay there after each kill. */
  async function killAtWork(): Promise<(readonly Kept[])[]> {
    const found: (readonly Kept[])[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const changes = 1 + random.below(2 * CHANGES_OF_A_START);
      await killAfter(changes, () =>
        nas2.startAgent().then(
          () => nas2.agentEnds,
          () => undefined,
        ),
      );
      found.push(await kept());
    }
    return found;
  }

  /** What was done before a kill is there after the next one as it was, and was not done again. */
  function expectUntouched(found: readonly (readonly Kept[])[], isDone: (one: Kept) => boolean): void {
    for (const [i, before] of found.slice(0, -1).entries()) {
      const after = new Set(found[i + 1]?.map(({ bytes }) => bytes));
      const done = before.filter(isDone);
      expect(done.filter(({ bytes }) => !after.has(bytes)).map(({ path }) => path)).toEqual([]);
    }
  }

  it(
    "while it is filled loses nothing that it had, goes on where it was, and has everything in the end",
    async () => {
      await nas1.run(["label", "server", "nas-2", "secret-store"]);
      const found = await killAtWork();
      expectUntouched(found, () => true);
      const sizes = new Set(found.map(({ length }) => length).filter((size) => size > 0 && size <= GENERATED));
      // It was killed in the middle, more than once.
      expect(sizes.size, [...sizes].join()).toBeGreaterThan(2);
      await nas2.startAgent();
      await until("it has everything", async () => (await stateOf("nas-2")) === `synced ${GENERATED + 1}`);
    },
    HANG_MS,
  );

  it(
    "while it wraps values to the stores of now loses none, goes on where it was, and comes to its end",
    async () => {
      await nas2.killAgent();
      const former = (await readKeys(nas1.home))?.seal.recipient ?? "";
      await nas1.run(["label", "server", "nas-1", "secret-store-"]);
      const found = await killAtWork();
      expectUntouched(found, ({ recipients }) => !recipients.includes(former));
      const open = found.map((one) => one.filter(({ recipients }) => recipients.includes(former)).length);
      for (const one of found) expect(one).toHaveLength(GENERATED + 1);
      expect(open).toEqual([...open].sort((a, b) => b - a));
      expect(new Set(open.filter((count) => count > 0 && count <= GENERATED)).size, open.join()).toBeGreaterThan(2);
      await nas2.startAgent();
      await until("it wraps nothing any more", async () => (await stateOf("nas-2")) === `synced ${GENERATED + 1}`);
    },
    HANG_MS,
  );

  it(
    "while somebody sets a secret has what it acknowledged, the values before it, and no half",
    async () => {
      const set = async (path: string, value: string) => {
        const file = join(lab.root, "value");
        writeFileSync(file, value);
        return nas2.tryHere(["secret", "set", path, "--from-file", file]);
      };
      const acknowledged: [path: string, value: string][] = [];
      const outcomes: number[] = [];
      const inTheMiddle = () => outcomes.filter((exit) => exit !== 0).length;
      for (let round = 0; isWanted(round, inTheMiddle(), 3); round++) {
        const [path, value] = [SET[round % SET.length] as string, `value ${round}`];
        const { exit } = await killAfter(1 + random.below(MOST_CHANGES), () => set(path, value));
        if (exit === 0) acknowledged.push([path, value]);
        outcomes.push(exit);

        const lies = await kept();
        const held = lies.filter((one) => SET.includes(one.path)).map((one) => `${one.path} ${one.value}`);
        for (const [wanted, of] of acknowledged) expect(held).toContain(`${wanted} ${of}`);
        expect(new Set(held).size).toBe(held.length);
        await nas2.startAgent();
      }
      // Some were killed in the middle, some a moment after.
      expect(outcomes).toContain(0);
      expect(inTheMiddle()).toBeGreaterThan(2);
      for (const path of SET) {
        await until("it is set", async () => (await set(path, `last of ${path}`)).exit === 0);
        await until(
          "it is read",
          async () => (await nas1.tryHere(["secret", "get", path])).stdout === `last of ${path}`,
        );
      }
    },
    HANG_MS,
  );

  it(
    "while it makes a value makes it once, whole, and nobody hears of another one",
    async () => {
      let known = await versionsOf(ROTATED);
      const orphans: string[][] = [];
      for (let round = 0; isWanted(round, orphans.flat().length, 1); round++) {
        await killAfter(1 + random.below(MOST_CHANGES), async () => {
          expect((await nas1.tryHere(["secret", "rotate", ROTATED])).exit).toBe(0);
          await until("it is made", async () => (await versionsOf(ROTATED)).length > known.length || !nas2.isAlive);
        });
        const lies = (await kept()).filter(({ path }) => path === ROTATED);
        await nas2.startAgent();
        await until("it is made", async () => (await versionsOf(ROTATED))[0]?.stores?.includes("nas-2") === true);
        await until("it is made once", async () => (await versionsOf(ROTATED)).length === known.length + 1);
        known = await versionsOf(ROTATED);
        const unsigned = lies.filter((one) => known.every(({ version }) => version !== one.version));
        orphans.push(unsigned.map(({ version }) => version));
      }
      // Some kills fell between value and signature: the next start has let go of what nobody can know of.
      expect(orphans.flat().length).toBeGreaterThan(0);
      expect(new Set(orphans.flat()).size).toBe(orphans.flat().length);
    },
    HANG_MS,
  );
});
