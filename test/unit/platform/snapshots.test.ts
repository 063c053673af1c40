import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ascii } from "../../../src/core/bytes.ts";
import { outdated, readNewestSnapshot, writeSnapshot } from "../../../src/node/platform/store/snapshots.ts";

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "lab-snapshots-")), "snapshots");
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

const records = (text: string) => [
  { key: "entries/a", value: ascii(text) },
  { key: "entries/é", value: new Uint8Array(0) },
];
const at = (hour: number) => new Date(Date.UTC(2026, 10, 21, hour));

describe("snapshots of a store", () => {
  test("give back the newest, and are for their owner alone", async () => {
    await writeSnapshot(directory, records("old"), at(1));
    const path = await writeSnapshot(directory, records("new"), at(2));
    expect(await readNewestSnapshot(directory)).toEqual(records("new"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("are nothing where there are none", async () => {
    expect(await readNewestSnapshot(directory)).toEqual([]);
  });

  test.each([
    ["cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length - 3)],
    [
      "with one bit flipped",
      (bytes: Buffer) =>
        Buffer.concat([bytes.subarray(0, 60), Buffer.from([(bytes[60] ?? 0) ^ 1]), bytes.subarray(61)]),
    ],
    ["empty", () => Buffer.alloc(0)],
    ["of a later release", (bytes: Buffer) => Buffer.concat([Buffer.from("lab-snapshot 2\n"), bytes.subarray(15)])],
  ])("pass over one that is %s: the one before is whole", async (_, damage) => {
    await writeSnapshot(directory, records("old"), at(1));
    const path = await writeSnapshot(directory, records("new"), at(2));
    writeFileSync(path, damage(readFileSync(path)));
    expect(await readNewestSnapshot(directory)).toEqual(records("old"));
  });

  test("keep the two newest and the newest of each of the last three days", async () => {
    for (let hour = 0; hour < 24 * 6; hour += 5) await writeSnapshot(directory, records(String(hour)), at(hour));
    const kept = readdirSync(directory).map((name) => name.slice("2026-11-".length, "2026-11-21T10".length));
    expect(kept.sort()).toEqual(["24T23", "25T19", "26T15", "26T20"]);
  });

  test("let go of one whose writing was interrupted", () => {
    expect(outdated(["2026-11-21T10-00-00.000Z.snapshot.new"])).toEqual(["2026-11-21T10-00-00.000Z.snapshot.new"]);
  });
});
