import type { Act } from "./acts.ts";
import { settled } from "./clock.ts";
import { checkAcknowledged, checkOwnWord } from "./checkers/acknowledged.ts";
import { checkBatches } from "./checkers/batches.ts";
import { checkBounded, heldBy } from "./checkers/bounded.ts";
import { Burden } from "./checkers/burden.ts";
import { checkConvergence, hasConverged } from "./checkers/convergence.ts";
import { checkClocks, checkFrozen } from "./checkers/frozen.ts";
import { checkLiveness } from "./checkers/liveness.ts";
import { checkReference } from "./checkers/reference.ts";
import { checkReadable, checkSecrets } from "./checkers/secrets.ts";
import {
  checkEntries,
  checkEntry,
  checkLabelsAtEnd,
  checkNothingStolen,
  checkOwnLogs,
} from "./checkers/unauthorised.ts";
import { CALM, drawFaults, type FaultPlan, planWithout } from "./fault-plan.ts";
import { Faults } from "./faults.ts";
import { partition } from "./faults/cuts.ts";
import { Hostile } from "./hostile.ts";
import { Archive } from "./reference/archive.ts";
import { checkDeadAreKnown, checkVerdictsAtEnd, KNOWN_MS, watchVerdicts } from "./checkers/verdicts.ts";
import { seededRandom } from "./random.ts";
import { type Scene, Story } from "./story.ts";
import { Workload } from "./workload.ts";
import { describe, type Violation, World, type WorldOptions } from "./world.ts";

export interface RunOptions extends WorldOptions {
  /** Virtual minutes of the first phase. */
  readonly minutes: number;
  /** `drawn` from the seed, or none. Default `drawn`. */
  readonly faults?: "drawn" | "none";
  readonly writesPerMachineAndMinute?: number;
  /** Says at the end what must not be met in the world, null if it was not: for whoever looks for such a world. */
  readonly unwanted?: (world: World) => string | null;
  /** Write down what a drawing shows. */
  readonly story?: boolean;
}

export interface RunReport {
  readonly seed: string;
  readonly traceHash: string;
  readonly virtualSeconds: number;
  /** Virtual seconds from the heal until all machines agreed; null if they did not in time. */
  readonly convergedSeconds: number | null;
  readonly events: number;
  readonly writes: number;
  readonly plan: FaultPlan;
  /** How often each kind of act happened, and how many messages were lost or came twice. */
  readonly faults: Readonly<Record<string, number>>;
  /** Crashes, cuts, disk, clock and byzantine acts. */
  readonly acts: number;
  /** Kinds and families of acts, and what they happened in the middle of. */
  readonly states: readonly string[];
  /** Families of acts that came within a minute of each other. */
  readonly pairs: readonly string[];
  readonly sometimes: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
}

const CHECK_EVERY_MS = 30_000;
const MINUTE_MS = 60_000;
/** Machines are down for half a minute at most: what holds of them must be looked at while they are. */
const GLANCE_EVERY_MS = 3_000;
/** Twice as long as a connection across a cut lives on. */
const CUT_MS = 12_000;
/**
 * From the heal to agreement: a peer that was given up is dialled every half minute, an exchange takes place every ten
 * seconds, and what one exchange brings is passed on by the next.
 */
const CONVERGE_WITHIN_MS = 90_000;
/** From agreement to everybody's right opinion of everybody: who was away is dialled, and defends itself. */
const SETTLE_MS = 60_000;
/** From the moment in which a damage is found to the end of the next exchange. */
const MENDED_WITHIN_MS = 15_000;

/** One world from its seed: a phase with faults in which nothing may be lost, the heal, a phase that must end well. */
export async function run(options: RunOptions): Promise<RunReport> {
  return (await runInFull(options)).report;
}

export interface FullRun {
  readonly report: RunReport;
  readonly acts: readonly Act[];
  /** Names of the machines. */
  readonly machines: readonly string[];
  readonly scenes: readonly Scene[];
}

/** The same, with what shrinking and drawing need. */
export async function runInFull(options: RunOptions): Promise<FullRun> {
  const plan = options.faults === "none" ? CALM : planOf(options);
  const roleOfHostile = plan.hostile === "store" ? "store and coordinator" : "none";
  const world = await World.create({ ...options, roleOfHostile });
  const story = options.story === true ? new Story(world) : null;
  const faults = new Faults(world, plan);
  const workload = new Workload(world, { writesPerMachineAndMinute: options.writesPerMachineAndMinute ?? 1 });
  const hostile = plan.hostile === "absent" ? null : new Hostile(world, roleOfHostile);
  // A calm world is there to be measured: nobody looks over its shoulder.
  const archive = plan === CALM ? null : new Archive();
  world.onStart((machine, agent) => {
    const { replica } = agent;
    watchVerdicts(world, machine, agent, plan === CALM);
    checkOwnWord(world, machine);
    replica.onGrowth(({ entries }) => {
      for (const entry of entries) checkEntry(world, machine, entry);
      archive?.note(entries);
      if (entries.some(({ id }) => world.history.batchEntries.has(id))) checkBatches(world, machine);
    });
    story?.watch(machine, agent);
  });
  let convergedSeconds: number | null = null;
  try {
    await world.until(Promise.all(world.machines.map((machine) => machine.start())));
    await hostile?.start();
    faults.start();
    workload.start();
    await passTime(world, archive, options.minutes * 60_000);
    workload.end();
    if (partition.kind in plan.recurring) await workOnBothSides(world, faults, workload);
    faults.heal();
    convergedSeconds = await converge(world, workload);
    if (plan !== CALM) await loseOne(world, faults);
    hostile?.end();
    await world.clock.runUntil(world.clock.monotonic() + SETTLE_MS);
    if (world.history.hasDamage) await waitForMending(world);
    await checkAtEnd(world, archive);
    const found = options.unwanted?.(world) ?? null;
    if (found !== null) world.violated("unwanted", found);
  } catch (error) {
    world.violated("no-throw", describe(error));
  }
  const report: RunReport = {
    seed: options.seed,
    traceHash: world.trace.digest(),
    virtualSeconds: Math.round(world.seconds * 1000) / 1000,
    convergedSeconds,
    events: world.clock.ran,
    writes: world.history.writes.length,
    plan,
    faults: sorted({ ...world.acts.counts(), ...lostMessages(world) }),
    acts: world.acts.counted,
    pairs: world.acts.pairs(),
    states: [...world.acts.met].sort(),
    sometimes: sorted(world.sometimes),
    errors: sorted(world.errors),
    violations: world.violations,
  };
  const machines = world.machines.map(({ name }) => name);
  return { report, acts: world.acts.all, machines, scenes: story?.all() ?? [] };
}

/** Drawn from the seed, without what this run does without. */
function planOf({ seed, leftOut }: RunOptions): FaultPlan {
  const plan = drawFaults(seededRandom(seed).fork("plan"));
  return leftOut === undefined ? plan : planWithout(plan, leftOut.kinds);
}

async function passTime(world: World, archive: Archive | null, durationMs: number): Promise<void> {
  const endMs = world.clock.monotonic() + durationMs;
  let checkMs = world.clock.monotonic() + CHECK_EVERY_MS;
  let minuteMs = world.clock.monotonic() + MINUTE_MS;
  const burden = new Burden(world, () =>
    Math.max(0, ...world.running.map(({ agent }) => (agent === null ? 0 : heldBy(agent.replica)))),
  );
  for (let atMs = world.clock.monotonic() + GLANCE_EVERY_MS; atMs < endMs; atMs += GLANCE_EVERY_MS) {
    await world.clock.runUntil(atMs);
    checkDeadAreKnown(world);
    if (atMs < checkMs) continue;
    checkMs += CHECK_EVERY_MS;
    if (atMs >= minuteMs) {
      minuteMs += MINUTE_MS;
      burden.look();
    }
    noteViews(world);
    checkNothingStolen(world);
    for (const machine of world.running) {
      checkBatches(world, machine);
      checkBounded(world, machine);
      if (archive !== null) checkReference(world, archive, machine);
    }
    if (world.violations.length > 0) return;
  }
  await world.clock.runUntil(endMs);
}

/** The mesh ends in two halves that both take changes, some of them at the same places. */
async function workOnBothSides(world: World, faults: Faults, workload: Workload): Promise<void> {
  const sides = faults.cut(2 * CUT_MS);
  if (sides === null) return;
  await world.clock.runUntil(world.clock.monotonic() + CUT_MS);
  workload.disagree(sides.here, sides.there);
  await world.clock.runUntil(world.clock.monotonic() + CUT_MS / 2);
}

/** Seconds until all agree; null if they do not in time. */
export async function converge(world: World, workload: Workload): Promise<number | null> {
  const healedMs = world.clock.monotonic();
  let handedOver = false;
  while (world.clock.monotonic() < healedMs + CONVERGE_WITHIN_MS) {
    await world.clock.runUntil(world.clock.monotonic() + 500);
    if (!handedOver && world.running.length > 0) handedOver = await world.until(workload.handOverAll());
    if (handedOver && hasConverged(world)) return (world.clock.monotonic() - healedMs) / 1000;
  }
  return null;
}

/**
 * Among faults the network is hardly ever kind for so long that anybody has to know who is down: so here one is, while
 * whoever is hostile goes on saying that it is there.
 */
async function loseOne(world: World, faults: Faults): Promise<void> {
  const machine = faults.putOut();
  if (machine === null) return;
  await world.clock.runUntil(world.clock.monotonic() + KNOWN_MS);
  checkDeadAreKnown(world);
  faults.bringBack(machine);
}

/** Who began further up a chain reads the rest after a minute, finds what is damaged there, and asks for it. */
async function waitForMending(world: World): Promise<void> {
  const untilMs = world.clock.monotonic() + MENDED_WITHIN_MS;
  while (!hasConverged(world) && world.clock.monotonic() < untilMs) {
    await world.clock.runUntil(world.clock.monotonic() + 500);
  }
}

/** When all have what anybody has, and nothing happens any more. */
export async function checkAtEnd(world: World, archive: Archive | null): Promise<void> {
  noteViews(world);
  if (archive !== null) for (const machine of world.running) checkReference(world, archive, machine);
  checkConvergence(world);
  checkNothingStolen(world);
  checkEntries(world);
  checkLabelsAtEnd(world);
  checkOwnLogs(world);
  checkFrozen(world);
  checkClocks(world);
  checkAcknowledged(world);
  checkLiveness(world);
  checkVerdictsAtEnd(world);
  await checkSecrets(world);
  await checkReadable(world);
  await settled();
}

/** What everybody makes of what it knows is part of the trace. */
function noteViews(world: World): void {
  for (const { name, agent } of world.machines) {
    if (agent !== null) world.trace.note(world.clock.monotonic(), name, "view", agent.replica.stateHash());
  }
}

function lostMessages({ network }: World): Record<string, number> {
  const { broadcastsLost, requestsLost, broadcastsDuplicated } = network.counters;
  const lost = broadcastsLost + requestsLost;
  return { ...(lost > 0 ? { lost } : {}), ...(broadcastsDuplicated > 0 ? { duplicated: broadcastsDuplicated } : {}) };
}

function sorted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}
