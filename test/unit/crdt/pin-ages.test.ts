import { describe, expect, it } from "vitest";
import { PinAges } from "../../../src/crdt/store/pin-ages.ts";
import { AT, memoryDisk } from "./fixture.ts";

const DAY_MS = 24 * 3_600_000;
const MOST_MS = 2 * DAY_MS;

describe("how long a checkpoint has lain here", () => {
  it("is counted from when it was first seen, over starts", async () => {
    const disk = memoryDisk();
    expect((await new PinAges(disk).look(["a"], AT, MOST_MS)).get("a")).toBe(0);
    expect((await new PinAges(disk).look(["a", "b"], AT + DAY_MS, MOST_MS)).get("a")).toBe(DAY_MS);
    const ages = await new PinAges(disk).look(["a", "b"], AT + 2 * DAY_MS, MOST_MS);
    expect([ages.get("a"), ages.get("b")]).toEqual([2 * DAY_MS, DAY_MS]);
  });

  it("grows by two days at most when nobody looked, or the clock jumped, and by nothing when it went back", async () => {
    const ages = new PinAges(memoryDisk());
    await ages.look(["a"], AT, MOST_MS);
    expect((await ages.look(["a"], AT + 400 * DAY_MS, MOST_MS)).get("a")).toBe(MOST_MS);
    expect((await ages.look(["a"], AT, MOST_MS)).get("a")).toBe(MOST_MS);
    expect((await ages.look(["a"], AT + DAY_MS, MOST_MS)).get("a")).toBe(MOST_MS + DAY_MS);
  });

  it("begins anew where it was forgotten or its record is damaged", async () => {
    const disk = memoryDisk();
    const ages = new PinAges(disk);
    await ages.look(["a", "b"], AT, MOST_MS);
    await ages.look(["b"], AT + DAY_MS, MOST_MS);
    await disk.append([{ key: "p/b", value: Uint8Array.of(255, 255) }], true);
    const now = await ages.look(["a", "b"], AT + 2 * DAY_MS, MOST_MS);
    expect([now.get("a"), now.get("b")]).toEqual([0, 0]);
  });
});
