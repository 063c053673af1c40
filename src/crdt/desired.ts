import { compareHlc, type Hlc } from "../core/hlc.ts";
import { equalJson, type Json } from "../core/json.ts";
import { ABOUT_SERVERS } from "../core/paths.ts";
import type { Conflict, DesiredMark, PathWinner, PathWrite } from "../core/view.ts";
import type { ChainLink } from "./chain.ts";
import { Winners } from "./winners.ts";

interface CurrentWrite {
  readonly log: string;
  readonly entry: string;
  readonly hlc: Hlc;
  readonly value: Json | undefined;
  /** The same log's write here before this one: what counts again if this one does not any more. */
  readonly before: CurrentWrite | undefined;
}

interface PathState {
  /** Each log's own latest write: a writer supersedes itself. */
  readonly current: Map<string, CurrentWrite>;
  /** Every entry that some write here names in `over`, and how many do. */
  readonly superseded: Map<string, number>;
}

interface AboutServer {
  readonly paths: Set<string>;
  writes: number;
}

/** Whoever looks less often than that reads everything anew. */
const RECENT_WRITES = 4096;

/**
 * The fold of all desired ledgers (`trust.md` §5): a write that an effective write names is superseded; among those
 * left the greatest (HLC, log) wins, and the others are conflicts. Cause beats clocks; clocks only break ties.
 */
export class DesiredState {
  readonly #paths = new Map<string, PathState>();
  readonly winners = new Winners();
  readonly #servers = new Map<string, AboutServer>();
  /** Paths of the latest writes, the oldest first. */
  #recent: string[] = [];
  #writes = 0;

  /** The next link of that log's ledger. */
  apply(log: string, link: ChainLink): void {
    const { header, id } = link.entry;
    for (const { path, value, over, origin } of link.writes) {
      let state = this.#paths.get(path);
      if (state === undefined) {
        state = { current: new Map(), superseded: new Map() };
        this.#paths.set(path, state);
      }
      const { entry, hlc } = origin ?? { entry: id, hlc: header.hlc };
      state.current.set(log, { log, entry, hlc, value, before: state.current.get(log) });
      for (const named of over) state.superseded.set(named, (state.superseded.get(named) ?? 0) + 1);
      this.#settle(path, state);
    }
  }

  /** Takes back the link of that log's ledger that was applied last. */
  retract(log: string, link: ChainLink): void {
    for (const { path, over } of link.writes.toReversed()) {
      const state = this.#paths.get(path) as PathState;
      const before = state.current.get(log)?.before;
      if (before === undefined) state.current.delete(log);
      else state.current.set(log, before);
      for (const entry of over) {
        const left = (state.superseded.get(entry) ?? 0) - 1;
        if (left > 0) state.superseded.set(entry, left);
        else state.superseded.delete(entry);
      }
      if (state.current.size === 0) this.#paths.delete(path);
      this.#settle(path, state);
    }
  }

  /** Counts every write that was folded here, or taken back. */
  get mark(): DesiredMark {
    return { fold: this, writes: this.#writes };
  }

  /** Paths of the writes after a mark; null if it is too old, or of another fold. */
  changedSince({ fold, writes }: DesiredMark): readonly string[] | null {
    const missed = this.#writes - writes;
    if (fold !== this || missed > this.#recent.length) return null;
    return missed === 0 ? [] : this.#recent.slice(-missed);
  }

  #settle(path: string, state: PathState): void {
    this.#recent.push(path);
    this.#writes++;
    if (this.#recent.length > 2 * RECENT_WRITES) this.#recent = this.#recent.slice(-RECENT_WRITES);
    const [winner] = candidates(state);
    if (winner?.value === undefined) this.winners.set(path, undefined);
    else this.winners.set(path, { value: winner.value, hlc: winner.hlc, log: winner.log, entry: winner.entry });
    if (!path.startsWith(ABOUT_SERVERS)) return;
    const end = path.indexOf("/", ABOUT_SERVERS.length);
    const server = path.slice(ABOUT_SERVERS.length, end === -1 ? path.length : end);
    const about = this.#servers.get(server);
    if (about === undefined) this.#servers.set(server, { paths: new Set([path]), writes: 1 });
    else {
      about.paths.add(path);
      about.writes++;
    }
  }

  winner(path: string): PathWinner | undefined {
    return this.winners.get(path);
  }

  /** True if some write at the path counts, be it a tombstone. */
  isWritten(path: string): boolean {
    return this.#paths.has(path);
  }

  /** Every path that was ever written about a server. */
  serverPaths(server: string): ReadonlySet<string> {
    return this.#servers.get(server)?.paths ?? new Set();
  }

  /** How many writes there were about a server: while it stays the same, so does all that they say. */
  writesAbout(server: string): number {
    return this.#servers.get(server)?.writes ?? 0;
  }

  /** The writes that a new write of `log` at this path has to name. */
  othersAt(path: string, log: string): string[] {
    const state = this.#paths.get(path);
    if (state === undefined) return [];
    return candidates(state)
      .filter((write) => write.log !== log)
      .map((write) => write.entry);
  }

  writesAt(path: string): PathWrite[] {
    const state = this.#paths.get(path);
    if (state === undefined) return [];
    const open = candidates(state);
    const past = [...state.current.values()]
      .flatMap(withThoseBefore)
      .filter((write) => !open.includes(write))
      .sort(laterFirst);
    return [
      ...open.map((write, i) => toldOf(write, i === 0 ? "current" : "lost")),
      ...past.map((write) => toldOf(write, "past")),
    ];
  }

  /** True if an effective write at the path names this entry, or is later by its clock. */
  hasAnswered(path: string, entry: string, hlc: Hlc): boolean {
    const state = this.#paths.get(path);
    if (state === undefined) return false;
    return state.superseded.has(entry) || [...state.current.values()].some((write) => compareHlc(write.hlc, hlc) > 0);
  }

  conflicts(): Conflict[] {
    const found: Conflict[] = [];
    for (const [path, state] of [...this.#paths].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const [winner, ...losers] = candidates(state);
      // Two hands that wrote the same have no quarrel.
      const others = losers.filter((loser) => !equalJson(loser.value, winner?.value));
      if (winner !== undefined && others.length > 0) found.push({ path, winner, losers: others });
    }
    return found;
  }
}

function withThoseBefore(latest: CurrentWrite): CurrentWrite[] {
  const writes: CurrentWrite[] = [];
  for (let write: CurrentWrite | undefined = latest; write !== undefined; write = write.before) writes.push(write);
  return writes;
}

function toldOf({ log, entry, hlc, value }: CurrentWrite, standing: PathWrite["standing"]): PathWrite {
  return { log, entry, hlc, value, standing };
}

/** The unsuperseded writes, the winner first. */
function candidates(state: PathState): CurrentWrite[] {
  if (state.current.size === 1) return [...state.current.values()];
  return [...state.current.values()].filter((write) => !state.superseded.has(write.entry)).sort(laterFirst);
}

function laterFirst(a: CurrentWrite, b: CurrentWrite): number {
  return compareHlc(b.hlc, a.hlc) || (a.log < b.log ? 1 : -1);
}
