import { describe, expect, test } from "vitest";
import { RecentMap } from "../../../src/node/platform/recent-map.ts";

describe("a map of recent values", () => {
  test("forgets what was asked for longest ago when it is full", () => {
    const map = new RecentMap<number>(3);
    map.set("alice", 1);
    map.set("bob", 2);
    map.set("carol", 3);
    expect(map.get("alice")).toBe(1);
    map.set("dave", 4);
    expect(["alice", "bob", "carol", "dave"].map((name) => map.get(name))).toEqual([1, undefined, 3, 4]);
  });

  test("replaces a value without forgetting another", () => {
    const map = new RecentMap<number>(2);
    map.set("alice", 1);
    map.set("bob", 2);
    map.set("alice", 3);
    expect([map.get("alice"), map.get("bob")]).toEqual([3, 2]);
  });
});
