import { describe, expect, it } from "vitest";
import type { DirectoryMember } from "../../../src/mesh/directory.ts";
import { Roster } from "../../../src/mesh/roster.ts";
import { keyOf } from "./homelab.ts";

const bob = keyOf("bob");

function rosterOf(...members: readonly DirectoryMember[]): Roster {
  const roster = new Roster(keyOf("alice"), { standing: () => "member", members: () => members });
  roster.refresh();
  return roster;
}

describe("where a member is looked for", () => {
  it("is where it was announced nearby, then where it says, and last where it seems to come from", () => {
    const roster = rosterOf({ key: bob, addresses: ["192.168.7.2:7444", "[fd00::2]:7444"] });
    roster.noteNearby(bob, ["192.168.7.9:7444"]);
    roster.noteSeen(bob, "203.0.113.7:50001");
    expect(roster.addressesOf(bob)).toEqual([
      "192.168.7.9:7444",
      "192.168.7.2:7444",
      "[fd00::2]:7444",
      "203.0.113.7:7444",
    ]);
  });

  it("is not guessed for a member that comes from where it says it is, or says nothing", () => {
    const roster = rosterOf({ key: bob, addresses: ["192.168.7.2:7444"] }, { key: keyOf("carol"), addresses: [] });
    roster.noteSeen(bob, "192.168.7.2:50001");
    roster.noteSeen(keyOf("carol"), "203.0.113.7:50001");
    roster.noteSeen(keyOf("mallory"), "203.0.113.8:50001");
    expect(roster.addressesOf(bob)).toEqual(["192.168.7.2:7444"]);
    expect(roster.addressesOf(keyOf("carol"))).toEqual([]);
    expect(roster.addressesOf(keyOf("mallory"))).toEqual([]);
  });

  it("is a dozen places at most, the guess included", () => {
    const addresses = Array.from({ length: 30 }, (_, i) => `192.168.7.${i}:7444`);
    const roster = rosterOf({ key: bob, addresses });
    roster.noteSeen(bob, "203.0.113.7:50001");
    expect(roster.addressesOf(bob)).toHaveLength(12);
    expect(roster.addressesOf(bob).at(-1)).toBe("203.0.113.7:7444");
  });
});

describe("a member that says that it listens elsewhere", () => {
  const carol = keyOf("carol");

  it("is looked for there from now on, and is told apart from one that stayed or is no member", () => {
    const [here, there] = [["192.168.7.2:7444"], ["192.168.7.9:7444"]];
    const roster = rosterOf({ key: bob, addresses: here }, { key: carol, addresses: here });
    const said = [
      { key: carol, addresses: here },
      { key: bob, addresses: there },
      { key: keyOf("mallory"), addresses: there },
    ];
    expect(roster.update(said)).toEqual([bob]);
    expect(roster.addressesOf(bob)).toEqual(there);
    expect(roster.addressesOf(keyOf("mallory"))).toEqual([]);
  });

  it("is among those who can be dialled once it says so for the first time, and no more when it takes it back", () => {
    const roster = rosterOf({ key: bob, addresses: [] }, { key: carol, addresses: ["192.168.7.3:7444"] });
    expect([roster.listed, roster.unlisted]).toEqual([[carol], [bob]]);
    roster.update([{ key: bob, addresses: ["192.168.7.2:7444"] }]);
    expect([roster.listed, roster.unlisted]).toEqual([[bob, carol].sort(), []]);
    roster.update([{ key: carol, addresses: [] }]);
    expect([roster.listed, roster.unlisted]).toEqual([[bob], [carol]]);
  });
});
