import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DAMAGES, damageOf, digest, makeStore, start } from "../../../bench/damages.ts";
import { seededRandom } from "../../../sim/random.ts";
import type { DiskRecord } from "../../../src/core/ports/disk.ts";
import { openStore } from "../../../src/node/platform/store/open-store.ts";
import { salvage } from "../../../src/node/platform/store/salvage.ts";
import { writeSnapshot } from "../../../src/node/platform/store/snapshots.ts";

const PROGRAM = join(import.meta.dirname, "healing-process.ts");

let template: string;
let written: DiskRecord[];
let home: string;
let store: string;
let children: ChildProcess[];

beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), "lab-template-"));
  written = await makeStore(join(template, "store"));
  await writeSnapshot(join(template, "snapshots"), written, new Date());
});
afterAll(() => rmSync(template, { recursive: true }));

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "lab-healing-"));
  store = join(home, "store");
  children = [];
  asNew();
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

function asNew(): void {
  rmSync(home, { recursive: true, force: true });
  cpSync(template, home, { recursive: true });
}

const options = (snapshot: readonly DiskRecord[] = []) => ({
  now: () => new Date("2026-11-21T10:00:00Z"),
  monotonicMs: () => performance.now(),
  snapshot: async () => snapshot,
});

const entriesOf = (records: readonly DiskRecord[]) => records.filter(({ key }) => key.startsWith("c/"));

/** A process that waits to open the store. */
async function process(): Promise<{ child: ChildProcess; begin: () => void; next: () => Promise<string> }> {
  const child = spawn(globalThis.process.execPath, [PROGRAM, store, join(home, "snapshots")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  const next = async () => String((await once(child.stdout as NodeJS.ReadableStream, "data"))[0]).trim();
  expect(await next()).toBe("ready");
  return { child, begin: () => void child.stdin?.write("begin\n"), next };
}

describe("a store that is healed", () => {
  test("says so at every start until it was told, with what was found since", async () => {
    rmSync(join(store, "CURRENT"));
    const mark = (at: Date) => ({ key: "loss", value: Buffer.from(at.toISOString()) });
    const first = await start(store, { ...options(), mark });
    const found = first.health();
    expect(String(await first.disk.read("loss").then((value) => value && Buffer.from(value)))).toBe(
      "2026-11-21T10:00:00.000Z",
    );
    expect(found).toMatchObject({ state: "healed", salvaged: written.length, restored: 0 });
    await first.disk.close();

    const second = await start(store, options());
    expect(second.health()).toEqual(found);
    await second.disk.close();

    rmSync(join(store, readdirSync(store).find((name) => name.startsWith("MANIFEST")) ?? ""));
    const third = await start(store, options());
    expect(third.health()).toMatchObject({ reason: expect.stringMatching(/lost its file CURRENT; then .*MANIFEST/) });
    await third.told();
    await third.disk.close();

    const fourth = await start(store, options());
    expect(fourth.health()).toEqual({ state: "sound" });
    expect(digest(entriesOf(await fourth.disk.scan("")))).toBe(digest(entriesOf(written)));
    await fourth.disk.close();
  });

  test("is killed at any moment, and the next start has everything and says so", async () => {
    const states: string[] = [];
    for (let changes = 1; changes <= 18; changes++) {
      asNew();
      rmSync(join(store, "CURRENT"));
      const { child, begin, next } = await process();
      const ended = once(child, "exit");
      let left = changes;
      const watcher = watch(home, () => --left === 0 && child.kill("SIGKILL"));
      begin();
      // Some are done before they change so much.
      const state = await Promise.race([next(), ended.then(() => "killed")]);
      states.push(state);
      child.kill("SIGKILL");
      await ended;
      watcher.close();

      const opened = await start(store, options(written));
      expect(opened.health(), `killed after ${changes} changes`).toMatchObject({ state: "healed" });
      expect(digest(entriesOf(await opened.disk.scan(""))), `killed after ${changes} changes`).toBe(
        digest(entriesOf(written)),
      );
      await opened.disk.close();
      const kept = readdirSync(home).filter((name) => name.startsWith("store.damaged-"));
      expect(kept, `killed after ${changes} changes`).toHaveLength(1);
    }
    expect(states.filter((state) => state === "killed").length).toBeGreaterThan(6);
  }, 180_000);

  test("by several processes at once is healed by one, and the others do not start", async () => {
    for (const damage of ["a deleted CURRENT", "flipped bytes in the log", "no directory"]) {
      asNew();
      DAMAGES[damage]?.(store, seededRandom(damage));
      const all = await Promise.all([process(), process(), process()]);
      for (const { begin } of all) begin();
      const said = await Promise.all(all.map(({ next }) => next()));
      expect(said.sort(), damage).toEqual(["HomeInUse", "HomeInUse", "healed"]);
      for (const { child } of all) {
        child.kill("SIGKILL");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      }
      const after = await start(store, options());
      expect(await damageOf(store, after), damage).toBeNull();
      expect(digest(entriesOf(await after.disk.scan(""))), damage).toBe(digest(entriesOf(written)));
      await after.disk.close();
    }
  }, 120_000);

  test("keeps all that could be read before it was opened, also when the damage shows only afterwards", async () => {
    for (let position = 0; position < 6; position++) {
      asNew();
      DAMAGES["flipped bytes in the log"]?.(store, seededRandom(`flipped ${position}`));
      const readable = entriesOf(await salvage(store, join(home, "workshop"))).length;
      const opened = await start(store, options());
      expect(opened.health().state).toBe("healed");
      expect(entriesOf(await opened.disk.scan("")).length, `position ${position}`).toBe(readable);
      await opened.disk.close();
    }
  });

  test("is begun where nothing is left, not even its tally: what is in a home was there", async () => {
    for (const name of ["store", "store.tally"]) rmSync(join(home, name), { recursive: true });
    const opened = await start(store, options(written));
    expect(opened.health()).toMatchObject({ state: "healed", quarantine: null, restored: written.length });
    expect(digest(await opened.disk.scan(""))).toBe(digest(written));
    await opened.disk.close();
  });
});

describe("a store of a later release", () => {
  test("is read, not written, and not mended, until there is that release", async () => {
    writeFileSync(join(store, "FORMAT"), "2\n");
    // What this release would take for damage.
    rmSync(join(home, "store.tally"));
    writeFileSync(join(home, "store.tally"), "0000000000009999\n");
    const before = new Set(readdirSync(home, { recursive: true, encoding: "utf8" }));
    const { disk, health } = await openStore(store, options());
    expect(health()).toMatchObject({ state: "stand-in", reason: expect.stringContaining("in format 2") });
    expect(digest(await disk.scan(""))).toBe(digest(written));
    await expect(disk.append([{ key: "z", value: new Uint8Array(1) }], true)).rejects.toMatchObject({
      facts: { hint: "update lab on this machine" },
    });
    await disk.close();
    expect(new Set(readdirSync(home, { recursive: true, encoding: "utf8" }))).toEqual(before);
  });
});
