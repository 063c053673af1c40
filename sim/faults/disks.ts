import { SECRET_STORE } from "../../src/core/policy/entitlement.ts";
import { ENTRIES } from "../../src/node/agent.ts";
import { SECRET_CACHE } from "../../src/node/secrets/secret-cache.ts";
import type { Machine } from "../machine.ts";
import type { Fault, FaultSite } from "./fault.ts";
import { isKnownToAll } from "./power.ts";

const ENVELOPES = `role/${SECRET_STORE}/`;
/** A damage that nobody has looked at yet, and one that a restart finds. */
const MOST_RECORDS = 3;

/** Bits turn over, or the end of a record is gone; the machine is started anew soon, and finds it. */
function damage(kind: string, hurt: (machine: Machine, key: string) => boolean): Fault {
  return {
    kind,
    family: "disk",
    percent: 40,
    everyMs: 20_000,
    lastsMs: [500, 5_000],
    happen(site, lastsMs) {
      const machine = site.pick();
      // What only this machine has is not to be lost by this: then nobody could give it back.
      if (machine === undefined || !isKnownToAll(site, machine)) return;
      const keys = machine.disk.keysNow.filter((key) => mayBeHurt(site, machine, key));
      if (keys.length === 0 || !site.take("disk", kind, [machine])) return;
      const count = 1 + site.random.below(MOST_RECORDS);
      for (let i = 0; i < count; i++) hurt(machine, keys[site.random.below(keys.length)] as string);
      site.world.history.damaged(machine.name);
      if (site.random.below(2) === 0) site.powerCut(machine, lastsMs);
    },
  };
}

export const flip = damage("flipped record", (machine, key) => machine.disk.flipBit(key));
export const tear = damage("torn record", (machine, key) => machine.disk.tear(key));

/** Entries, what a machine caches, and of the stores one's values, so that nothing is hurt in all places. */
function mayBeHurt({ world }: FaultSite, machine: Machine, key: string): boolean {
  if (key.startsWith(ENTRIES) || key.startsWith(SECRET_CACHE)) return true;
  const stores = world.machines.filter(({ disk }) => disk.keysNow.includes(key));
  return key.startsWith(ENVELOPES) && stores.length > 1 && stores[0] === machine;
}

/** Nothing more fits onto it for a while; what is there stays readable. */
export const full: Fault = {
  kind: "full disk",
  family: "disk",
  percent: 35,
  everyMs: 25_000,
  lastsMs: [3_000, 40_000],
  happen(site, lastsMs) {
    const machine = site.pick();
    if (machine === undefined || machine.disk.full || !site.take("disk", "full disk", [machine])) return;
    machine.disk.full = true;
    site.lasts(lastsMs, () => {
      machine.disk.full = false;
    });
  },
};

/** Each write takes up to seconds. */
export const slow: Fault = {
  kind: "slow disk",
  family: "disk",
  percent: 30,
  everyMs: 25_000,
  lastsMs: [5_000, 40_000],
  happen(site, lastsMs) {
    const machine = site.pick();
    if (machine === undefined || !site.take("disk", "slow disk", [machine])) return;
    machine.disk.slownessMs = 100 + site.random.below(3_000);
    site.lasts(lastsMs, () => {
      machine.disk.slownessMs = 0;
    });
  },
};
