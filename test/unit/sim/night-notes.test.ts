import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NightNotes } from "../../../sim/night-notes.ts";

describe("a night of many worlds", () => {
  let dir: string;
  let file: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "lab-night-"));
    file = join(dir, "notes/night.json");
  });

  afterEach(() => rmSync(dir, { recursive: true }));

  const begin = (anew = false) => new NightNotes(file, { first: 7, anew });

  function run(notes: NightNotes, seed: number): void {
    notes.totals.seeds++;
    notes.totals.failed.add(seed);
    notes.totals.met.set("crash", seed);
    notes.done(seed);
  }

  it("goes on where it was ended, with what it had seen, and does again what was begun", () => {
    const first = begin();
    expect([first.take(), first.take(), first.take()]).toEqual([7, 8, 9]);
    run(first, 8);
    const second = begin();
    expect(second.totals).toMatchObject({ seeds: 1, failed: new Set([8]), met: new Map([["crash", 8]]) });
    expect([second.take(), second.take(), second.take()]).toEqual([7, 9, 10]);
    run(second, 7);
    expect([begin().take(), begin().totals.seeds]).toEqual([9, 2]);
  });

  it("begins anew when it is told to, or the sources are others, or the notes make no sense", () => {
    const first = begin();
    first.take();
    run(first, first.take());
    expect(begin(true).take()).toBe(7);
    expect(begin(true).totals.seeds).toBe(0);
    writeFileSync(file, readFileSync(file, "utf8").replace(/"sources":"[^"]+"/, '"sources":"of yesterday"'));
    expect(begin().totals.seeds).toBe(0);
    writeFileSync(file, "half a no");
    expect(begin().totals.seeds).toBe(0);
  });
});
