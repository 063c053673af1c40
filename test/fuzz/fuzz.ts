import { LabError } from "../../src/core/errors.ts";
import type { Random } from "../../src/core/ports/random.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./targets.ts";

/** Reading one message may take so long. The largest is 64 KiB here; the slowest machine that builds this is slow. */
const LONGEST_MS = 500;

/** What a reader did that it must not do. */
export interface Finding {
  readonly target: string;
  /** Hex of the message. */
  readonly message: string;
  readonly what: string;
}

export interface Tally {
  readonly tried: number;
  /** Messages that were understood in spite of what was done to them. */
  readonly understood: number;
}

/** Gives a reader `times` messages that are almost right. */
export async function fuzz(
  target: Target,
  random: Random,
  times: number,
  found: (finding: Finding) => void,
): Promise<Tally> {
  let understood = 0;
  for (let tried = 0; tried < times; tried++) {
    const sample = target.samples[random.below(target.samples.length)] as Uint8Array;
    const bytes = mutate(random, sample, target.samples);
    const what = await attempt(target, bytes);
    if (what === "understood") understood++;
    else if (what !== "refused") found({ target: target.name, message: Buffer.from(bytes).toString("hex"), what });
  }
  return { tried: times, understood };
}

/** `understood`, `refused`, or what went wrong. */
export async function attempt({ read, again }: Target, bytes: Uint8Array): Promise<string> {
  const before = Buffer.from(bytes);
  const startMs = performance.now();
  try {
    const value = await read(bytes);
    const tookMs = performance.now() - startMs;
    if (tookMs > LONGEST_MS) return `took ${Math.round(tookMs)} ms`;
    if (!before.equals(bytes)) return "changed the bytes that it was given";
    if (value === null) return "refused";
    if (again !== undefined && !before.equals(again(value as never))) return "one meaning has two spellings";
    return "understood";
  } catch (error) {
    if (error instanceof LabError) return "refused";
    return `threw ${String(error)}`;
  }
}
