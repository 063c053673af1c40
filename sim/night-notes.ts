import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What worlds have shown so far. */
export interface Totals {
  seeds: number;
  acts: number;
  virtualSeconds: number;
  readonly failed: Set<number>;
  readonly met: Map<string, number>;
}

interface Noted {
  readonly sources: string;
  readonly first: number;
  readonly next: number;
  /** Begun and not done. */
  readonly open: readonly number[];
  readonly totals: {
    readonly seeds: number;
    readonly acts: number;
    readonly virtualSeconds: number;
    readonly failed: readonly number[];
    readonly met: readonly (readonly [string, number])[];
  };
}

/**
 * Where a run of many seeds is. It takes hours, so it is noted after each seed: who begins again with the same sources
 * goes on, and does the seeds again that were begun and not done.
 */
export class NightNotes {
  readonly totals: Totals;
  readonly #file: string | null;
  readonly #sources: string;
  readonly #first: number;
  readonly #open = new Set<number>();
  /** Begun by the run before this one. */
  readonly #again: number[];
  #next: number;

  /** Without a file nothing is noted. */
  constructor(file: string | null, { first, anew }: { readonly first: number; readonly anew: boolean }) {
    this.#file = file;
    this.#first = first;
    this.#sources = file === null ? "" : digestOfSources();
    const before = file === null || anew ? null : readNotes(file);
    const known = before?.sources === this.#sources && before.first === first ? before : null;
    this.#next = known?.next ?? first;
    this.#again = [...(known?.open ?? [])];
    const { seeds = 0, acts = 0, virtualSeconds = 0, failed = [], met = [] } = known?.totals ?? {};
    this.totals = { seeds, acts, virtualSeconds, failed: new Set(failed), met: new Map(met) };
  }

  /** The next seed to run. */
  take(): number {
    const seed = this.#again.shift() ?? this.#next++;
    this.#open.add(seed);
    return seed;
  }

  /** The totals have it. */
  done(seed: number): void {
    this.#open.delete(seed);
    if (this.#file === null) return;
    const { failed, met, ...sums } = this.totals;
    const noted: Noted = {
      ...{ sources: this.#sources, first: this.#first, next: this.#next, open: [...this.#open, ...this.#again] },
      totals: { ...sums, failed: [...failed], met: [...met] },
    };
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(`${this.#file}.new`, JSON.stringify(noted));
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function readNotes(file: string): Noted | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Noted;
  } catch {
    return null;
  }
}

/** Another agent or another world is another night. */
function digestOfSources(): string {
  const root = join(import.meta.dirname, "..");
  const hash = createHash("sha256");
  for (const part of ["src", "sim"]) {
    const names = readdirSync(join(root, part), { recursive: true, encoding: "utf8" });
    for (const name of names.filter((one) => one.endsWith(".ts")).sort()) {
      hash.update(`${part}/${name}\0`).update(readFileSync(join(root, part, name)));
    }
  }
  return hash.digest("hex");
}
