import { describe, expect, it } from "vitest";
import { beyondCut, readGroups } from "../../../src/demo/groups.ts";

const HOUSE = ["nas-1", "web-1", "web-2", "db-1"];

describe("a cut", () => {
  it("puts whoever is not named into the first group", () => {
    expect(readGroups(["nas-1", "web-1,web-2"], HOUSE)).toEqual([
      ["nas-1", "db-1"],
      ["web-1", "web-2"],
    ]);
  });

  it("sets one group apart from all the others", () => {
    expect(readGroups(["web-1,db-1"], HOUSE)).toEqual([
      ["nas-1", "web-2"],
      ["web-1", "db-1"],
    ]);
  });

  it("can have more than two sides", () => {
    const groups = readGroups(["nas-1", "web-1", "web-2,db-1"], HOUSE);
    expect(beyondCut("web-1", groups)).toEqual(["nas-1", "web-2", "db-1"]);
    expect(beyondCut("db-1", groups)).toEqual(["nas-1", "web-1"]);
  });

  it("names the nearest machine of an unknown one", () => {
    expect(() => readGroups(["nas-1", "web-3"], HOUSE)).toThrow(
      expect.objectContaining({
        code: "NotFound",
        facts: expect.objectContaining({ notes: ["nearest: web-1, web-2"] }),
      }),
    );
  });

  it.each([
    ["a machine on two sides", ["nas-1,web-1", "web-1"]],
    ["all machines on one side", [HOUSE.join(",")]],
    ["nobody", [","]],
  ])("is refused with %s", (_, words) => {
    expect(() => readGroups(words, HOUSE)).toThrow(expect.objectContaining({ code: "Usage" }));
  });

  it("keeps nobody apart in a mesh that is whole", () => {
    expect(beyondCut("nas-1", [])).toEqual([]);
  });
});
