import type { Complaint } from "../../core/alarms/findings.ts";
import type { Doubt } from "../../crdt/doubts.ts";
import type { Check } from "../../operations/kinds/check.ts";
import type { LedgerSize } from "../../operations/kinds/status.ts";
import type { ReadSource } from "../handlers/read-source.ts";

/** From here on the command line refuses to sign (`trust.md` §9). */
const CLOCK_REFUSED_MS = 300_000;
/** No clock that is kept by NTP is off by this much, and no answer of a peer takes as long. */
const CLOCK_WARNED_MS = 10_000;
const MOST_NAMED = 5;

/** What a peer's clock showed, against this machine's at the same moment; null if it did not say. */
export interface ClockReading {
  readonly peer: string;
  readonly aheadMs: number | null;
}

/**
 * By how much the middle of the others is ahead of this machine: 0 if that is nothing that a clock kept by NTP would show,
 * null if nobody told its time.
 */
export function ownOffsetMs(readings: readonly ClockReading[]): number | null {
  const middleMs = middleOf(readings);
  return middleMs === null || Math.abs(middleMs) >= CLOCK_WARNED_MS ? middleMs : 0;
}

function middleOf(readings: readonly ClockReading[]): number | null {
  const sorted = readings.flatMap(({ aheadMs }) => (aheadMs === null ? [] : [aheadMs])).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? null;
}

export function clockCheck(readings: readonly ClockReading[], hasPeers: boolean): Check {
  const name = "clock";
  if (!hasPeers) return { name, state: "ok", detail: "there is no other member to compare it with", fix: "" };
  const known = readings.flatMap(({ peer, aheadMs }) => (aheadMs === null ? [] : [{ peer, aheadMs }]));
  if (known.length === 0) {
    return { name, state: "unknown", detail: "no peer told its time", fix: "timedatectl; lab get peers" };
  }
  const middleMs = middleOf(readings) ?? 0;
  // The middle of several outvotes one that is wrong; of two nobody can say which it is.
  const offMs = Math.abs(middleMs);
  const side = middleMs > 0 ? "behind" : "ahead of";
  const compared = `${known.length} peer${known.length === 1 ? "" : "s"}`;
  if (offMs >= CLOCK_WARNED_MS) {
    const state = offMs >= CLOCK_REFUSED_MS ? "failed" : "warning";
    const detail = `${duration(offMs)} ${side} the clocks of ${compared}`;
    return { name, state, detail, fix: "set the clock and keep it: timedatectl set-ntp true" };
  }
  const odd = known.filter(({ aheadMs }) => Math.abs(aheadMs - middleMs) >= CLOCK_WARNED_MS);
  if (odd.length > 0) {
    const detail = `the clock of ${list(odd.map(({ peer }) => peer))} is off, compared with this one and others`;
    return { name, state: "warning", detail, fix: "on that machine: timedatectl set-ntp true" };
  }
  return { name, state: "ok", detail: `within ${duration(Math.max(offMs, 1))} of ${compared}`, fix: "" };
}

export function peersCheck(source: ReadSource): Check {
  const name = "peers";
  const others = othersOf(source).map(({ key, ...node }) => ({ name: node.name, opinion: source.opinion(key) }));
  if (others.length === 0) return { name, state: "ok", detail: "this machine is the whole mesh", fix: "" };
  const silent = others.filter(({ opinion }) => opinion.online !== "yes").map((other) => other.name);
  const heard = others.length - silent.length;
  const detail = `${heard} of ${others.length} heard`;
  const shut = shutDoors(source);
  if (silent.length === 0 && shut === null) return { name, state: "ok", detail, fix: "" };
  const quiet = silent.length === 0 ? [] : [`silent: ${list(silent)}`];
  const fix = shut?.fix ?? `lab ping ${silent[0]}; is its agent running, and does a firewall let its port through?`;
  const state = heard === 0 ? "failed" : "warning";
  return { name, state, detail: [detail, ...quiet, ...(shut === null ? [] : [shut.what])].join("; "), fix };
}

/**
 * Who takes this machine for a stranger, and the way out: a machine that was restored from a backup is one to all that were
 * not, until they have heard of it. Null if nobody does.
 */
export function shutDoors(source: ReadSource): { readonly what: string; readonly fix: string } | null {
  // Whoever was removed or suspended is a stranger to everybody, and hears that elsewhere.
  if (source.replica.view().nodes.get(source.self.id)?.state !== "active") return null;
  const keys = new Set(source.strangerTo());
  const names = othersOf(source).flatMap(({ key, name: each }) => (keys.has(key) ? [each] : []));
  const [first] = names;
  if (first === undefined) return null;
  const takes = names.length === 1 ? "takes" : "take";
  return {
    what: `${list(names)} ${takes} this machine for a stranger, and nothing goes between them`,
    fix: `lab backup create PLACE here, then lab backup restore PLACE on ${first}`,
  };
}

export function versionsCheck(source: ReadSource, release: string): Check {
  const name = "versions";
  const reports = source.directory.reports();
  const other = othersOf(source).flatMap((node) => {
    const theirs = reports.get(node.id)?.release ?? "";
    return theirs === "" || theirs === release ? [] : [`${node.name} ${theirs}`];
  });
  if (other.length === 0) return { name, state: "ok", detail: `${release}, and no peer has another`, fix: "" };
  const detail = `${release} here, other releases: ${list(other)}`;
  return { name, state: "warning", detail, fix: "bring all machines to one release" };
}

/** `warning` is what is to be said of it and is no complaint. */
export function storeCheck(source: ReadSource, warning: string | null, complaints: readonly Complaint[]): Check {
  const name = "store";
  const { graph, chains, observed, missing, damaged } = source.replica;
  const links = [...chains.values()].reduce((sum, { size }) => sum + size, 0);
  const lost = missing + damaged.length;
  const fix = "look for disk errors: dmesg; peers give again what is missing";
  const told = complaints.filter(({ kind }) => kind === "store-damaged" || kind === "store-unwritable");
  const said = [...told.map(({ detail }) => detail), ...(warning === null ? [] : [warning])];
  if (said.length > 0) {
    const isFailed = lost > 0 || told.some(({ kind }) => kind === "store-unwritable");
    return { name, state: isFailed ? "failed" : "warning", detail: said.join("; "), fix };
  }
  if (lost > 0) return { name, state: "failed", detail: `${lost} records cannot be read`, fix };
  const detail = `${graph.entries.length + links + observed.size} records, all of them readable`;
  return { name, state: "ok", detail, fix: "" };
}

/** Signing makes a checkpoint from about 5,000 on by itself: whoever has twice as many signs without one. */
const UNPINNED_WARNED = 10_000;

/** `untrue`: operators of ledgers that have come to something else here than a checkpoint of them says. */
export function ledgersCheck(ledgers: readonly LedgerSize[], untrue: readonly string[], nowMs: number): Check {
  const name = "ledgers";
  const since = ({ entries, checkpoint }: LedgerSize) => entries - (checkpoint?.entry ?? 0);
  const told = ledgers.map((ledger) => {
    const { operator, entries, live, checkpoint, begins } = ledger;
    const from = begins === undefined ? "" : ` (here from ${begins.entry} on)`;
    const size = `${operator} ${entries} ${entries === 1 ? "entry" : "entries"}${from} for ${live} ${live === 1 ? "value" : "values"}`;
    if (checkpoint === null) return `${size}, no checkpoint`;
    return `${size}, ${since(ledger)} after the checkpoint of ${duration(nowMs - Date.parse(checkpoint.at))} ago`;
  });
  if (told.length === 0) return { name, state: "ok", detail: "nobody has written anything yet", fix: "" };
  const detail = list(told, "; ");
  if (untrue.length > 0) {
    const said = `a checkpoint says something else of the ledger of ${list(untrue)} than this machine has of it`;
    return { name, state: "failed", detail: `${said}; ${detail}`, fix: "lab doctor --peer NAME: what do others say?" };
  }
  const doubted = ledgers.find(({ begins }) => begins !== undefined && begins.doubt !== null);
  if (doubted !== undefined) {
    return { name, state: "warning", detail: `${doubtOf(doubted)}; ${detail}`, fix: ASK_FOR_WHOLE };
  }
  const long = ledgers.find((ledger) => since(ledger) - ledger.live > UNPINNED_WARNED);
  if (long === undefined) return { name, state: "ok", detail, fix: "" };
  return { name, state: "warning", detail, fix: `lab checkpoint, where the key of ${long.operator} is` };
}

/** Agents ask each peer that they meet; only where nobody has the entries any more there is something to do. */
const ASK_FOR_WHOLE =
  "lab get peers: is a coordinator or secret store there? else lab backup restore, of a backup that has them";

const DOUBTS: Readonly<Record<Doubt, string>> = {
  void: "the checkpoint that pinned it there does not count any more",
  cut: "its writer was removed by somebody who did not know the checkpoint",
  pin: "a checkpoint names an entry that is not here",
  fork: "entries came that lead elsewhere before that",
  disagreement: "a peer that knows the same shows something else",
};

/** That a ledger may count otherwise where all of it is known. */
export function doubtOf({ operator, begins }: LedgerSize): string {
  const because = DOUBTS[(begins?.doubt ?? "disagreement") as Doubt];
  return `the ledger of ${operator} begins at entry ${begins?.entry} here, and ${because}: the rest is asked for`;
}

/** A place where this agent says that it can be reached, and whether somebody answered there. */
export interface Announced {
  readonly address: string;
  readonly scope: "loopback" | "network";
  readonly answered: boolean;
}

export function addressCheck(announced: readonly Announced[], hasPeers: boolean): Check {
  const name = "ports and addresses";
  const said = announced.map(({ address }) => address);
  if (announced.length === 0) {
    const fix = "lab agent --listen 0.0.0.0:7444, or --announce HOST:PORT";
    return { name, state: "failed", detail: "this agent tells no address: others cannot connect to it", fix };
  }
  const dead = announced.filter(({ answered }) => !answered).map(({ address }) => address);
  if (dead.length === announced.length) {
    const fix = "does a firewall of this machine close the port? ss -ltn; nft list ruleset";
    return { name, state: "failed", detail: `nothing answers at ${list(dead)}`, fix };
  }
  if (dead.length > 0) {
    const fix = "right if only other networks can use it; else correct --announce or the firewall";
    return { name, state: "warning", detail: `from here nothing answers at ${list(dead)}`, fix };
  }
  if (hasPeers && announced.every(({ scope }) => scope === "loopback")) {
    const fix = "lab agent without --listen 127.0.0.1, if machines elsewhere shall reach it";
    return { name, state: "warning", detail: `${list(said)} can be reached from this machine only`, fix };
  }
  return { name, state: "ok", detail: `answers at ${list(said)}`, fix: "" };
}

export function othersOf(source: ReadSource) {
  return [...source.replica.view().nodes.values()].filter(
    ({ state, key }) => state === "active" && key !== source.self.key,
  );
}

function list(names: readonly string[], between = ", "): string {
  const more = names.length - MOST_NAMED;
  return names.slice(0, MOST_NAMED).join(between) + (more > 0 ? ` and ${more} more` : "");
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}
