import { runAlarms } from "./alarms.ts";
import { runCheckpoints } from "./checkpoints/run.ts";
import { runCopies } from "./copies/run.ts";
import { runDelivery } from "./delivery/run.ts";
import { runDrops } from "./drops/run.ts";
import { runReaders } from "./readers/run.ts";
import { runFloods } from "./floods/run.ts";
import { runGaps } from "./gaps/run.ts";
import { runLines } from "./lines/run.ts";
import { runPresence } from "./presence/run.ts";
import { runReleases } from "./releases/run.ts";
import { runRemovals } from "./removals/run.ts";
import { runRest } from "./rest/run.ts";
import { runRetention } from "./retention/run.ts";
import { runReturns } from "./returns/run.ts";
import { runRotations } from "./rotations.ts";
import { runSealed } from "./sealed/run.ts";
import { runWakes } from "./wakes/run.ts";
import type { RunReport } from "./run.ts";
import type { WorldOptions } from "./world.ts";

/** A world in which what goes wrong is told, act by act. */
interface ToldStory {
  readonly about: string;
  run(options: Omit<WorldOptions, "nodes">): Promise<RunReport>;
}

/** By the option of `npm run sim` that plays it. */
export const STORIES: Readonly<Record<string, ToldStory>> = {
  alarms: { run: runAlarms, about: "machines die, come back and are cut off: what people are told of it" },
  checkpoints: { run: runCheckpoints, about: "ledgers are pinned, forked, cut and begun at what machines summed up" },
  copies: { run: runCopies, about: "copies of a store's values in a directory that is full, gone, altered, set back" },
  delivery: { run: runDelivery, about: "secrets in front of programs, while agents die and labels go" },
  drops: {
    run: runDrops,
    about: "links below old pins go; new machines begin with a state, and late acts reach below",
  },
  readers: { run: runReaders, about: "operators read values; others try to, and one of them is cut" },
  floods: { run: runFloods, about: "a member and a stranger say as much as they can: what that costs everybody" },
  gaps: { run: runGaps, about: "a machine finds its own log damaged while nobody can tell it where that ends" },
  lines: { run: runLines, about: "small questions on shared lines that break, stall, are flooded and held open" },
  presence: { run: runPresence, about: "a machine loses sight of all and is back; another defends itself and dies" },
  releases: {
    run: runReleases,
    about: "machines get other releases while operators work, and go back to those before",
  },
  removals: { run: runRemovals, about: "machines and an operator are removed: who hears of it, and what counts" },
  returns: { run: runReturns, about: "older values are returned to, and such as no store can open" },
  rotations: {
    run: runRotations,
    about: "stores make values when they are due, crash, are cut off; machines are revoked",
  },
  rest: { run: runRest, about: "nobody writes anything, and what machines hold in memory does not grow" },
  sealed: { run: runSealed, about: "values are sealed to operators by name, and no store can open them" },
  retention: { run: runRetention, about: "audit grows old: what machines keep, let go of, and still know of it" },
  wakes: { run: runWakes, about: "what was asked for in vain, as soon as somebody who has it is back" },
};
