import { toBase64Url, toHex } from "../../src/core/bytes.ts";
import { DiskFullError } from "../../src/core/ports/disk.ts";
import { CLASS_AUDIT } from "../../src/crdt/entry/entry.ts";
import { entrySubmitOperation } from "../../src/operations/entry.ts";
import { hasConverged } from "../checkers/convergence.ts";
import type { Machine } from "../machine.ts";
import { between, type Fault, type FaultSite, keysOf } from "./fault.ts";

/** How old the image is that a disk is set back to. */
const IMAGE_AGE_MS = [5_000, 60_000] as const;
/** From the start of a machine that was set back to what it has to write down, and as long until it hears others. */
const ALONE_MS = 1_000;
/** Somebody who found the mesh in disagreement looks again. */
const LOOK_AGAIN_MS = 1_000;
/** Of the batches under way at a power cut, half as many are torn as are kept or lost whole. */
const TORN_ONE_IN = 3;

export const crash: Fault = {
  kind: "crash",
  family: "crash",
  percent: 60,
  everyMs: 12_000,
  lastsMs: [500, 30_000],
  happen(site, lastsMs) {
    const machine = site.pick();
    if (machine === undefined || !site.take("crash", "crash", [machine])) return;
    site.powerCut(machine, lastsMs, site.random.below(TORN_ONE_IN) === 0 ? "tear" : "whole");
  },
};

/** The power fails right after the disk has done one thing, whichever it is, and before the agent hears of it. */
export const crashAtWrite: Fault = {
  kind: "crash after a write",
  family: "crash",
  percent: 50,
  everyMs: 12_000,
  lastsMs: [500, 10_000],
  happen(site, lastsMs) {
    const machine = site.pick();
    if (machine === undefined) return;
    const tear = site.random.below(TORN_ONE_IN) === 0 ? "tear" : "whole";
    machine.disk.atNextWrite(() => {
      if (!site.isActive || machine.agent === null || machine.isPaused) return;
      if (site.take("crash", "crash after a write", [machine])) site.powerCut(machine, lastsMs, tear);
    });
  },
};

/** A whole house loses power, and everything in it comes back at once. */
export const massRestart: Fault = {
  kind: "mass restart",
  family: "crash",
  percent: 20,
  everyMs: 90_000,
  lastsMs: [1_000, 8_000],
  happen(site, lastsMs) {
    const machines = site.pickSome(site.world.machines.length);
    if (machines.length === 0 || !site.take("crash", "mass restart", machines)) return;
    for (const machine of machines) site.powerCut(machine, lastsMs);
  },
};

export const stop: Fault = {
  kind: "stop",
  family: "crash",
  percent: 30,
  everyMs: 30_000,
  lastsMs: [500, 20_000],
  happen(site, lastsMs) {
    const machine = site.pick();
    if (machine !== undefined && site.take("crash", "stop", [machine])) site.stop(machine, lastsMs);
  },
};

/**
 * A machine whose disk is replaced by an image of it, and that hears nobody for a while when it comes back. Not a
 * store, which could have had the only copy of a value. It happens at a moment when all others know all that it has:
 * what is lost with it is then only its own memory, and if a number of its logs is used twice, that is its own fault.
 * It has something to write down after the image, and again before it hears anybody.
 */
export const setBack: Fault = {
  kind: "set back",
  family: "disk",
  percent: 40,
  everyMs: 40_000,
  lastsMs: [500, 5_000],
  happen(site, lastsMs) {
    const { clock, history, hostile, machines, network, trace } = site.world;
    const machine = site.pick();
    if (machine === undefined || isStore(machine)) return;
    const image = machine.disk.image();
    submitNonsense(site, machine);
    const look = (): void => {
      if (!site.isActive) return;
      if (!isKnownToAll(site, machine) || machine.isPaused) {
        clock.after(LOOK_AGAIN_MS, look);
        return;
      }
      if (isStore(machine) || !site.take("disk", "set back", [machine])) return;
      const others = machines.filter((other) => other !== machine);
      const mole = toHex(hostile.member.signer.publicKey);
      site.lasts(lastsMs + 2 * ALONE_MS, network.cut([machine.key], [...keysOf(others), mole]));
      site.powerCut(machine, lastsMs);
      machine.disk.setBack(image);
      history.setBack(machine.name);
      trace.note(clock.monotonic(), machine.name, "set back", new Uint8Array(0));
      clock.after(lastsMs + ALONE_MS, () => submitNonsense(site, machine));
    };
    clock.after(between(site.random, IMAGE_AGE_MS), look);
  },
};

function isStore(machine: Machine): boolean {
  return machine.agent?.view().nodes.get(machine.id)?.roles.has("secret-store") !== false;
}

/** Its agent refuses it and writes that down. */
function submitNonsense(site: FaultSite, machine: Machine): void {
  if (machine.agent === null) return;
  const entries = [toBase64Url(Uint8Array.of(site.random.below(256)))];
  // Not waited for: whoever asked goes when the machine does.
  site.world.begin(`nonsense on ${machine.name}`, async () => {
    try {
      await machine.call(entrySubmitOperation, { entries });
    } catch (error) {
      // A full disk takes no refusal either.
      if (!(error instanceof DiskFullError)) throw error;
    }
  });
}

/** Everybody runs and agrees, and has the ends of the machine's own logs. */
export function isKnownToAll({ world }: FaultSite, machine: Machine): boolean {
  const isQuiet = world.machines.every(({ agent }) => agent !== null) && hasConverged(world);
  return isQuiet && world.machines.every((other) => knowsLogsOf(other, machine));
}

function knowsLogsOf(other: Machine, machine: Machine): boolean {
  const [here, there] = [machine.agent?.replica, other.agent?.replica];
  if (here === undefined || there === undefined) return false;
  const tip = here.chain(machine.id, CLASS_AUDIT)?.main.at(-1)?.entry.id;
  const report = here.observed.get(machine.id);
  const known = there.observed.get(machine.id);
  const sameReport = report?.state !== "record" || (known?.state === "record" && known.entry.id === report.entry.id);
  return sameReport && (tip === undefined || there.chain(machine.id, CLASS_AUDIT)?.find(tip) !== undefined);
}
