import { compareHlc, type Hlc } from "../core/hlc.ts";
import { equalJson, type Json } from "../core/json.ts";
import { ABOUT_SERVERS, declarationOfVersion, versionOfDeclaration } from "../core/paths.ts";
import { generatorOf } from "../core/policy/generated.ts";
import type { Conflict, DesiredMark, PathWinner, PathWrite } from "../core/view.ts";
import type { ChainLink } from "./chain.ts";
import { CLASS_GENERATED } from "./entry/entry.ts";
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
  /** What stores wrote: it counts where an operator's declaration names a generator, and only while it does. */
  readonly #generated = new Map<string, PathState>();
  readonly winners = new Winners();
  readonly #servers = new Map<string, AboutServer>();
  /** Paths of the latest writes, the oldest first. */
  #recent: string[] = [];
  #writes = 0;
  /** By log: paths at which it has a write. */
  readonly #pathsOf = new Map<string, number>();

  /** The next link of that log's ledger. */
  apply(log: string, link: ChainLink): void {
    const { header, id } = link.entry;
    for (const { path, value, over, origin } of link.writes) {
      const states = this.#statesOf(header.class);
      let state = states.get(path);
      if (state === undefined) {
        state = { current: new Map(), superseded: new Map() };
        states.set(path, state);
      }
      const { entry, hlc } = origin ?? { entry: id, hlc: header.hlc };
      if (!state.current.has(log)) this.#pathsOf.set(log, this.pathsOf(log) + 1);
      state.current.set(log, { log, entry, hlc, value, before: state.current.get(log) });
      for (const named of over) state.superseded.set(named, (state.superseded.get(named) ?? 0) + 1);
      this.#settle(path);
    }
  }

  /** Takes back the link of that log's ledger that was applied last. */
  retract(log: string, link: ChainLink): void {
    for (const { path, over } of link.writes.toReversed()) {
      const states = this.#statesOf(link.entry.header.class);
      const state = states.get(path) as PathState;
      const before = state.current.get(log)?.before;
      if (before === undefined) {
        state.current.delete(log);
        this.#pathsOf.set(log, this.pathsOf(log) - 1);
      } else state.current.set(log, before);
      for (const entry of over) {
        const left = (state.superseded.get(entry) ?? 0) - 1;
        if (left > 0) state.superseded.set(entry, left);
        else state.superseded.delete(entry);
      }
      if (state.current.size === 0) states.delete(path);
      this.#settle(path);
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

  #statesOf(chainClass: number): Map<string, PathState> {
    return chainClass === CLASS_GENERATED ? this.#generated : this.#paths;
  }

  /** What is written at a path and may count. */
  #statesAt(path: string): readonly PathState[] {
    const states: PathState[] = [];
    const written = this.#paths.get(path);
    if (written !== undefined) states.push(written);
    if (this.#generated.size === 0) return states;
    const generated = this.#generated.get(path);
    const declaration = declarationOfVersion(path);
    if (generated !== undefined && declaration !== null && generatorOf(this.winner(declaration)?.value) !== null) {
      states.push(generated);
    }
    return states;
  }

  #settle(path: string): void {
    this.#note(path);
    const version = versionOfDeclaration(path);
    if (version !== null && this.#generated.has(version)) this.#note(version);
  }

  #note(path: string): void {
    this.#recent.push(path);
    this.#writes++;
    if (this.#recent.length > 2 * RECENT_WRITES) this.#recent = this.#recent.slice(-RECENT_WRITES);
    const [winner] = candidates(this.#statesAt(path));
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

  /** At how many paths a log has a write. */
  pathsOf(log: string): number {
    return this.#pathsOf.get(log) ?? 0;
  }

  winner(path: string): PathWinner | undefined {
    return this.winners.get(path);
  }

  /** True if some write at the path counts, be it a tombstone. */
  isWritten(path: string): boolean {
    return this.#statesAt(path).length > 0;
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
    return candidates(this.#statesAt(path))
      .filter((write) => write.log !== log)
      .map((write) => write.entry);
  }

  writesAt(path: string): PathWrite[] {
    const states = this.#statesAt(path);
    const open = candidates(states);
    const past = states
      .flatMap(({ current }) => [...current.values()])
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
    return this.#statesAt(path).some(({ superseded, current }) => {
      return superseded.has(entry) || [...current.values()].some((write) => compareHlc(write.hlc, hlc) > 0);
    });
  }

  conflicts(): Conflict[] {
    const found: Conflict[] = [];
    for (const path of [...new Set([...this.#paths.keys(), ...this.#generated.keys()])].sort()) {
      const [winner, ...losers] = candidates(this.#statesAt(path));
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
function candidates(states: readonly PathState[]): CurrentWrite[] {
  const [only] = states;
  if (only === undefined) return [];
  if (states.length === 1 && only.current.size === 1) return [...only.current.values()];
  return states
    .flatMap(({ current }) => [...current.values()])
    .filter(({ entry }) => !states.some(({ superseded }) => superseded.has(entry)))
    .sort(laterFirst);
}

function laterFirst(a: CurrentWrite, b: CurrentWrite): number {
  return compareHlc(b.hlc, a.hlc) || (a.log < b.log ? 1 : -1);
}
