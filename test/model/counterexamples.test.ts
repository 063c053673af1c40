import { describe, expect, it } from "vitest";
import { Case } from "./case.ts";
import { COUNTEREXAMPLES } from "./counterexamples.ts";
import { Peer } from "./door.ts";
import { judge, tell } from "./explore.ts";
import { MUTANTS, mutated } from "./mutants.ts";
import { keptOf } from "./observations.ts";
import { founding, grant, said } from "./scenes.ts";

type Name = keyof typeof COUNTEREXAMPLES;

const world = (name: Name) => new Case(COUNTEREXAMPLES[name]);
const keptOfCarol = (name: Name) => keptOf(world(name), "carol").map(({ id }) => id);
const unadopted = (name: Name) => [...world(name).view.unadopted];

function machines(name: Name): string[] {
  return world(name)
    .view.nodes.filter(({ log }) => log !== "hub")
    .map(({ log, state, naming }) => `${log}: ${state}, ${naming}`);
}

/** What breaks if a rule is taken by its letter. With the rule as it is now, nothing does. */
async function brokenByLetter(letter: string, name: Name): Promise<string[]> {
  const ours = judge(world(name));
  expect(ours && tell(ours)).toBeNull();
  const mutant = MUTANTS.find((one) => one.name === letter);
  if (mutant === undefined) throw new Error(`no mutant: ${letter}`);
  return (await mutated(mutant)).brokenBy(COUNTEREXAMPLES[name], 1);
}

describe("what is refused at the door", () => {
  it("alice keeps what bob's cut makes void: who heard of bob first takes it all the same, to know what is before it", async () => {
    const name = "a frontier names what another cut makes void";
    expect(keptOfCarol(name)).toEqual(["a1"]);
    expect(await brokenByLetter("void entries are refused though frontiers name them", name)).toEqual(["I1"]);
  });

  it("bob builds on what alice's cut makes void: who heard of the cut first takes both", async () => {
    const letter = "void entries are refused though others build on them";
    expect(await brokenByLetter(letter, "an honest entry builds on a void one")).toContain("I1");
  });

  it("a cut that is void itself gives back what was refused for it", async () => {
    expect(await brokenByLetter("void entries are refused for ever", "a cut is void itself")).toContain("I16");
  });

  it("a cut that waits for its parents closes the door only if its writer needs nobody else for it", () => {
    const connects = (need: number) => {
      const carol = said("carol", "root", "root:root", grant("carol", 2), "g");
      const peer = new Peer({ entries: [founding(["alice"], need), carol], links: [] });
      peer.offer(said("cut", "alice", "founder:alice", { t: "cut", key: "carol", keeps: [] }, "carol", "never"));
      return peer.mayConnect("carol");
    };
    expect(connects(1)).toBe(false);
    expect(connects(2)).toBe(true);
  });
});

describe("one answer", () => {
  it("two equals who cut each other at once would have none", async () => {
    expect(await brokenByLetter("equals cut each other", "equals cut each other at once")).toContain("one answer");
  });
});

describe("pins", () => {
  it("one whose link is not here yet ends the ledger before it, and nothing moves sideways when it arrives", async () => {
    expect(keptOfCarol("a pin whose link is here")).toEqual(["b1"]);
    expect(keptOfCarol("a pin whose link is not here yet")).toEqual([]);
    const letter = "a pin that is not here yet holds nothing";
    expect(await brokenByLetter(letter, "a pin whose link is here")).toEqual(["I11"]);
  });

  it("a junior's does not choose between a senior's branches", async () => {
    expect(keptOfCarol("a junior pins a senior's branch")).toEqual([]);
    expect(await brokenByLetter("anybody's pin ends a fork", "a junior pins a senior's branch")).toEqual(["I11"]);
  });

  it("equals whose pins contradict each other leave what both hold, also when the second link comes late", () => {
    expect(keptOfCarol("pins that contradict each other, one of them not here yet")).toEqual(["a1"]);
    expect(keptOfCarol("pins that contradict each other")).toEqual([]);
    expect(judge(world("pins that contradict each other"))).toBeNull();
  });

  it("a cut goes below one that it did not know: who has dropped what lies there has to say so", () => {
    expect(keptOfCarol("a cut that knew a pin")).toEqual(["a1"]);
    expect(keptOfCarol("a cut that did not know a pin")).toEqual([]);
  });
});

describe("what is void", () => {
  it("is what a fork freezes, too: shown, and not destroyed", async () => {
    expect(unadopted("a ledger forks")).toEqual(["p"]);
    expect(await brokenByLetter("what is frozen is gone", "a ledger forks")).toEqual(["I19"]);
  });

  it("hides nothing that is void", () => {
    expect(unadopted("a void removal follows a void value")).toEqual(["p"]);
  });
});

describe("names and tokens", () => {
  it("a machine that nobody but the coordinator has seen loses its name to an equal's enrolment that does not know it", () => {
    const taken = "an equal enrols the name of a machine that only the coordinator has seen";
    expect(machines(taken)).toEqual(["ticket/z: active, contested", "x: active, owned"]);
    const held = "an equal enrols the name of a machine that an operator has seen";
    expect(machines(held)).toEqual(["ticket/z: active, contested", "x: active, contested"]);
  });

  it("a word that knows only one of two redemptions settles them, whenever it says that it was said", () => {
    expect(machines("a token is redeemed for two keys")).toEqual([
      "ticket/x: suspended, contested",
      "ticket/y: suspended, contested",
    ]);
    expect(machines("somebody has seen one of two redemptions")).toEqual([
      "ticket/x: active, owned",
      "ticket/y: suspended, contested",
    ]);
  });

  it("cutting one of two that redeemed a token does not let the other in: it is enrolled anew", () => {
    expect(machines("one of two that redeemed a token is cut")).toEqual([
      "ticket/x: suspended, contested",
      "ticket/y: cut, contested",
    ]);
  });

  it("a coordinator that redeems a token for one key under two names leaves it neither, and nobody else either of them", () => {
    expect(machines("a token is redeemed for one key under two names")).toEqual([
      "ticket/x: active, contested",
      "n: active, contested",
    ]);
  });

  it("a cut machine and its successor both own a name: it means the one that is active", () => {
    expect(machines("a machine is cut and its name given anew")).toEqual(["old: cut, owned", "new: active, owned"]);
    expect(judge(world("a machine is cut and its name given anew"))).toBeNull();
  });
});
