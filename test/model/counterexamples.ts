import type { Entry, History, Id, Keep, Link } from "./history.ts";
import { founding, grant, said } from "./scenes.ts";

/*
 * Histories in which the letter of the rule, as it was first written, broke one of its own invariants or said nothing.
 * What each comes to now: counterexamples.test.ts and docs/decisions/0009-what-the-model-found.md.
 */

const alice = "founder:alice";
const bob = "founder:bob";
const root = "root:root";

const one = founding(["alice"]);
const two = founding(["alice", "bob"]);
/** Carol is an operator of rank 2, by alice; dave one of rank 3. */
const carol = said("carol", "alice", alice, grant("carol", 2), "g");
const dave = said("dave", "alice", alice, grant("dave", 3), "carol");
/** Carol has done something. */
const early = said("early", "carol", "carol", grant("eve", 3), "carol");

/** The writer of a log is what follows its colon. */
function by(log: string): string {
  return log.replace(/^.*:/, "");
}

function cut(id: Id, log: string, key: string, keeps: Keep[], ...parents: Id[]): Entry {
  return said(id, by(log), log, { t: "cut", key, keeps }, ...parents);
}

function keeping(seq: number, id: Id): Keep[] {
  return [{ log: "carol", a: null, l: { seq, id } }];
}

const nothing: Keep[] = [{ log: "carol", a: null, l: null }];

/** In carol's ledger. */
function link(id: Id, seq: number, prev: Id | null, value: string | null = id): Link {
  return { id, key: "carol", log: "carol", seq, prev, hlc: seq, writes: [{ path: "p", value, over: [] }] };
}

/** Somebody pins carol's ledger. */
function pin(id: Id, log: string, seq: number, of: Id, ...parents: Id[]): Entry {
  return said(id, by(log), log, { t: "checkpoint", pins: [{ log: "carol", seq, id: of }] }, ...parents);
}

/** A coordinator, and a token of alice's that it redeems. */
function desk(name: string | null): Entry[] {
  return [
    said("hub", "alice", alice, { t: "enrol", key: "hub", name: "hub" }, "g"),
    said("desk", "alice", alice, { t: "role", node: "hub", label: "coordinator" }, "hub"),
    said("ticket", "alice", alice, { t: "token", name, roles: [], issuer: "desk" }, "desk"),
  ];
}

function redeem(id: Id, key: string, name: string, ...parents: Id[]): Entry {
  return said(id, "hub", "desk", { t: "redeem", token: "ticket", key, name }, ...parents);
}

function enrol(id: Id, log: string, key: string, name: string, ...parents: Id[]): Entry {
  return said(id, by(log), log, { t: "enrol", key, name }, ...parents);
}

function history(entries: readonly Entry[], links: readonly Link[] = []): History {
  return { entries, links };
}

const fork = [link("a1", 1, null), link("b1", 1, null)];
const twins = [redeem("x", "x", "web", "ticket"), redeem("y", "y", "web", "ticket")];
const unseen = [...desk("nas"), redeem("z", "z", "nas", "ticket")];
const pinned = [one, carol, pin("alices", alice, 1, "a1", "carol")];
const contradicting = [two, carol, pin("alices", alice, 1, "a1", "carol"), pin("bobs", bob, 2, "b2", "carol")];

export const COUNTEREXAMPLES = {
  "a frontier names what another cut makes void": history(
    [
      two,
      carol,
      cut("alices", alice, "carol", keeping(2, "a2"), "carol"),
      cut("bobs", bob, "carol", keeping(1, "a1"), "carol"),
    ],
    [link("a1", 1, null), link("a2", 2, "a1")],
  ),
  "an honest entry builds on a void one": history([
    two,
    carol,
    early,
    said("bobs", "bob", bob, grant("fay", 2), "early"),
    cut("alices", alice, "carol", [], "carol"),
  ]),
  "a cut is void itself": history([
    two,
    carol,
    early,
    cut("alices", alice, "carol", [], "carol"),
    cut("roots", root, "alice", [{ log: alice, a: ["carol"], l: null }], "carol"),
  ]),
  "equals cut each other at once": history([
    two,
    cut("alices", alice, "bob", [], "g"),
    cut("bobs", bob, "alice", [], "g"),
  ]),
  "a pin whose link is here": history([one, carol, pin("alices", alice, 1, "b1", "carol")], fork),
  "a pin whose link is not here yet": history([one, carol, pin("alices", alice, 1, "b1", "carol")], fork.slice(0, 1)),
  "a junior pins a senior's branch": history([one, carol, dave, pin("daves", "dave", 1, "a1", "dave")], fork),
  "pins that contradict each other": history(contradicting, [...fork, link("b2", 2, "b1")]),
  "pins that contradict each other, one of them not here yet": history(contradicting, fork),
  "a cut that knew a pin": history([...pinned, cut("roots", root, "carol", nothing, "alices")], fork.slice(0, 1)),
  "a cut that did not know a pin": history(
    [...pinned, cut("roots", root, "carol", nothing, "carol")],
    fork.slice(0, 1),
  ),
  "a ledger forks": history([one, carol], fork),
  "a void removal follows a void value": history(
    [one, carol, cut("alices", alice, "carol", nothing, "carol")],
    [link("a1", 1, null), link("a2", 2, "a1", null)],
  ),
  "an equal enrols the name of a machine that only the coordinator has seen": history([
    two,
    ...unseen,
    enrol("x", bob, "x", "nas", "ticket"),
  ]),
  "an equal enrols the name of a machine that an operator has seen": history([
    two,
    ...unseen,
    said("seen", "alice", alice, grant("eve", 2), "z"),
    enrol("x", bob, "x", "nas", "ticket"),
  ]),
  "a token is redeemed for two keys": history([two, ...desk("web"), ...twins]),
  "somebody has seen one of two redemptions": history([
    two,
    ...desk("web"),
    ...twins,
    said("word", "bob", bob, grant("eve", 1), "x"),
  ]),
  "one of two that redeemed a token is cut": history([
    two,
    ...desk("web"),
    ...twins,
    cut("cut", alice, "y", [], "x", "y"),
  ]),
  "a token is redeemed for one key under two names": history([
    two,
    ...desk(null),
    redeem("first", "x", "web", "ticket"),
    redeem("second", "x", "nas", "ticket"),
    enrol("n", alice, "n", "nas", "first", "second"),
  ]),
  "a machine is cut and its name given anew": history([
    two,
    enrol("old", alice, "x", "nas", "g"),
    cut("cut", bob, "x", [], "old"),
    enrol("new", alice, "y", "nas", "cut"),
  ]),
} satisfies Readonly<Record<string, History>>;
