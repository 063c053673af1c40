import { describe, expect, it } from "vitest";
import { Case } from "./case.ts";
import { Peer } from "./door.ts";
import { judge, tell } from "./explore.ts";
import type { Entry, History, Keep, Link } from "./history.ts";
import { keptOf } from "./observations.ts";
import { MUTANTS, mutated } from "./mutants.ts";
import { founding, grant, said } from "./scenes.ts";

/*
 * Histories in which the letter of the rule, as it was first written, broke one of its own invariants, or said nothing;
 * each with what it comes to now (docs/decisions/0007-what-the-model-found.md).
 */

const alice = "founder:alice";
const bob = "founder:bob";

function cut(id: string, by: string, key: string, keeps: Keep[], ...parents: string[]): Entry {
  return said(id, by.replace(/^.*:/, ""), by, { t: "cut", key, keeps }, ...parents);
}

/** Carol is an operator of rank 2, by alice. */
const carol = said("carol", "alice", alice, grant("carol", 2), "g");

function link(id: string, seq: number, prev: string | null): Link {
  return { id, key: "carol", log: "carol", seq, prev, hlc: seq, writes: [{ path: "p", value: id, over: [] }] };
}

/** Somebody pins carol's ledger. */
function pin(id: string, by: string, seq: number, of: string, ...parents: string[]): Entry {
  return said(id, by.replace(/^.*:/, ""), by, { t: "checkpoint", pins: [{ log: "carol", seq, id: of }] }, ...parents);
}

/** A coordinator, and a token of alice's that it redeems. */
function desk(name: string | null): Entry[] {
  return [
    said("hub", "alice", alice, { t: "enrol", key: "hub", name: "hub" }, "g"),
    said("desk", "alice", alice, { t: "role", node: "hub", label: "coordinator" }, "hub"),
    said("ticket", "alice", alice, { t: "token", name, roles: [], issuer: "desk" }, "desk"),
  ];
}

function redeem(id: string, key: string, name: string, ...parents: string[]): Entry {
  return said(id, "hub", "desk", { t: "redeem", token: "ticket", key, name }, ...parents);
}

function enrol(id: string, by: string, key: string, name: string, ...parents: string[]): Entry {
  return said(id, by.replace(/^.*:/, ""), by, { t: "enrol", key, name }, ...parents);
}

function world(entries: readonly Entry[], links: readonly Link[] = []): Case {
  return new Case({ entries, links });
}

/** What breaks if a rule is taken by its letter; with the rule as it is now, nothing does. */
async function brokenByLetter(
  letter: string,
  entries: readonly Entry[],
  links: readonly Link[] = [],
): Promise<string[]> {
  const history: History = { entries, links };
  const ours = judge(new Case(history));
  expect(ours && tell(ours)).toBeNull();
  const mutant = MUTANTS.find(({ name }) => name === letter);
  if (mutant === undefined) throw new Error(`no mutant: ${letter}`);
  return (await mutated(mutant)).brokenBy(history, 1);
}

const nodesOf = ({ view }: Case) => view.nodes.map(({ log, state, naming }) => `${log}: ${state}, ${naming}`).sort();
const keptOfCarol = (of: Case) => keptOf(of, "carol").map(({ id }) => id);

describe("what is refused at the door", () => {
  const two = founding(["alice", "bob"]);
  const early = said("early", "carol", "carol", grant("dave", 3), "carol");

  it("alice keeps what bob's cut makes void: who heard of bob first takes it all the same, to know what is before it", async () => {
    const keep = (seq: number, id: string): Keep[] => [{ log: "carol", a: null, l: { seq, id } }];
    const entries = [
      two,
      carol,
      cut("alices", alice, "carol", keep(2, "a2"), "carol"),
      cut("bobs", bob, "carol", keep(1, "a1"), "carol"),
    ];
    const links = [link("a1", 1, null), link("a2", 2, "a1")];
    expect(keptOfCarol(world(entries, links))).toEqual(["a1"]);
    expect(await brokenByLetter("void entries are refused though frontiers name them", entries, links)).toEqual(["I1"]);
  });

  it("bob builds on what alice's cut makes void: who heard of the cut first takes both", async () => {
    const bobs = said("bobs", "bob", bob, grant("fay", 2), "early");
    const entries = [two, carol, early, bobs, cut("alices", alice, "carol", [], "carol")];
    expect(await brokenByLetter("void entries are refused though others build on them", entries)).toContain("I1");
  });

  it("a cut that is void itself gives back what was refused for it", async () => {
    const entries = [
      two,
      carol,
      early,
      cut("alices", alice, "carol", [], "carol"),
      cut("roots", "root:root", "alice", [{ log: alice, a: ["carol"], l: null }], "carol"),
    ];
    expect(await brokenByLetter("void entries are refused for ever", entries)).toContain("I16");
  });

  it("a cut that waits for its parents closes the door only if its writer needs nobody else for it", () => {
    const need = (by: number) => founding(["alice"], by);
    const late2 = said("late", "root", "root:root", grant("fay", 1), "g");
    const connects = (genesis: Entry) => {
      const grantor = said("carol", "root", "root:root", grant("carol", 2), "g");
      const peer = new Peer({ entries: [genesis, grantor], links: [] });
      peer.offer(cut("alices", alice, "carol", [], "carol", late2.id));
      return peer.mayConnect("carol");
    };
    expect(connects(need(1))).toBe(false);
    expect(connects(need(2))).toBe(true);
  });
});

describe("pins", () => {
  const one = founding(["alice"]);
  const dave = said("dave", "alice", alice, grant("dave", 3), "carol");

  it("a pin whose link is not here yet ends the ledger before it, and nothing moves sideways when it arrives", async () => {
    const entries = [one, carol, pin("alices", alice, 1, "b1", "carol")];
    const links = [link("a1", 1, null), link("b1", 1, null)];
    expect(keptOfCarol(world(entries, links))).toEqual(["b1"]);
    expect(keptOfCarol(world(entries, links.slice(0, 1)))).toEqual([]);
    expect(await brokenByLetter("a pin that is not here yet holds nothing", entries, links)).toEqual(["I11"]);
  });

  it("a junior's pin does not choose between a senior's branches", async () => {
    const entries = [one, carol, dave, pin("daves", "dave", 1, "a1", "dave")];
    const links = [link("a1", 1, null), link("b1", 1, null)];
    expect(keptOfCarol(world(entries, links))).toEqual([]);
    expect(await brokenByLetter("anybody's pin ends a fork", entries, links)).toEqual(["I11"]);
  });

  it("equals whose pins contradict each other leave what both hold, also when the second link comes late", () => {
    const entries = [
      founding(["alice", "bob"]),
      carol,
      pin("alices", alice, 1, "a1", "carol"),
      pin("bobs", bob, 2, "b2", "carol"),
    ];
    const links = [link("a1", 1, null), link("b1", 1, null), link("b2", 2, "b1")];
    expect(keptOfCarol(world(entries, links))).toEqual([]);
    expect(keptOfCarol(world(entries, links.slice(0, 2)))).toEqual(["a1"]);
    expect(judge(world(entries, links))).toBeNull();
  });

  it("a cut goes below a pin that it did not know: who has dropped what lies there has to say so", () => {
    const none: Keep[] = [{ log: "carol", a: null, l: null }];
    const cuts = (...parents: string[]) => [
      one,
      carol,
      pin("alices", alice, 1, "a1", "carol"),
      cut("roots", "root:root", "carol", none, ...parents),
    ];
    expect(keptOfCarol(world(cuts("alices"), [link("a1", 1, null)]))).toEqual(["a1"]);
    expect(keptOfCarol(world(cuts("carol"), [link("a1", 1, null)]))).toEqual([]);
  });

  it("what a fork freezes is void like what a cut leaves out: shown, and not destroyed", async () => {
    const entries = [one, carol];
    const links = [link("a1", 1, null), link("b1", 1, null)];
    expect([...world(entries, links).view.unadopted]).toEqual(["p"]);
    expect(await brokenByLetter("what is frozen is gone", entries, links)).toEqual(["I19"]);
  });

  it("a void removal hides no void value", () => {
    const removal: Link = { ...link("a2", 2, "a1"), writes: [{ path: "p", value: null, over: [] }] };
    const none: Keep[] = [{ log: "carol", a: ["carol"], l: null }];
    const cuts = world([one, carol, cut("alices", alice, "carol", none, "carol")], [link("a1", 1, null), removal]);
    expect([...cuts.view.unadopted]).toEqual(["p"]);
  });
});

describe("names and tokens", () => {
  const two = founding(["alice", "bob"]);

  it("a machine that nobody but the coordinator has seen loses its name to an equal's enrolment that does not know it", () => {
    const entries = [two, ...desk("nas"), redeem("z", "z", "nas", "ticket"), enrol("x", bob, "x", "nas", "ticket")];
    expect(nodesOf(world(entries))).toEqual(["hub: active, owned", "ticket/z: active, contested", "x: active, owned"]);
    const seen = [...entries.slice(0, 5), said("seen", "alice", alice, grant("eve", 2), "z"), ...entries.slice(5)];
    expect(nodesOf(world(seen))).toEqual(["hub: active, owned", "ticket/z: active, contested", "x: active, contested"]);
  });

  it("a word that knows only one of two redemptions settles them, whenever it says that it was said", () => {
    const entries = [two, ...desk("web"), redeem("x", "x", "web", "ticket"), redeem("y", "y", "web", "ticket")];
    const suspended = ["hub: active, owned", "ticket/x: suspended, contested", "ticket/y: suspended, contested"];
    expect(nodesOf(world(entries))).toEqual(suspended);
    const word = said("word", "bob", bob, grant("eve", 1), "x");
    expect(nodesOf(world([...entries, word]))).toEqual([
      "hub: active, owned",
      "ticket/x: active, owned",
      "ticket/y: suspended, contested",
    ]);
  });

  it("cutting one of two that redeemed a token does not bring the other back: it is enrolled anew", () => {
    const entries = [
      two,
      ...desk("web"),
      redeem("x", "x", "web", "ticket"),
      redeem("y", "y", "web", "ticket"),
      cut("cut", alice, "y", [], "x", "y"),
    ];
    expect(nodesOf(world(entries))).toEqual([
      "hub: active, owned",
      "ticket/x: suspended, contested",
      "ticket/y: cut, contested",
    ]);
  });

  it("a coordinator that redeems a token for one key under two names leaves it neither, and nobody else either of them", () => {
    const entries = [
      two,
      ...desk(null),
      redeem("first", "x", "web", "ticket"),
      redeem("second", "x", "nas", "ticket"),
      enrol("n", alice, "n", "nas", "first", "second"),
    ];
    expect(nodesOf(world(entries))).toEqual([
      "hub: active, owned",
      "n: active, contested",
      "ticket/x: active, contested",
    ]);
  });

  it("a cut machine and its successor both own a name: it means the one that is active", () => {
    const entries = [
      two,
      enrol("old", alice, "x", "nas", "g"),
      cut("cut", bob, "x", [], "old"),
      enrol("new", alice, "y", "nas", "cut"),
    ];
    expect(nodesOf(world(entries))).toEqual(["new: active, owned", "old: cut, owned"]);
    expect(judge(world(entries))).toBeNull();
  });
});

describe("one answer", () => {
  it("if equals could cut each other, two cuts at once would have none", async () => {
    const entries = [
      founding(["alice", "bob"]),
      cut("alices", alice, "bob", [], "g"),
      cut("bobs", bob, "alice", [], "g"),
    ];
    expect(await brokenByLetter("equals cut each other", entries)).toContain("one answer");
  });
});
