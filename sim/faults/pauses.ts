import { toHex } from "../../src/core/bytes.ts";
import { type Fault, keysOf } from "./fault.ts";

/** A collector of garbage, a machine that swaps: nothing runs for a while, and then all that was due. */
export const pause: Fault = {
  kind: "pause",
  family: "other",
  percent: 30,
  everyMs: 20_000,
  lastsMs: [500, 30_000],
  happen(site, lastsMs) {
    const machine = site.pick();
    if (machine === undefined || !site.take("other", "pause", [machine])) return;
    machine.pause();
    site.lasts(lastsMs, () => machine.goOn());
  },
};

/** A laptop whose lid is closed: it knows nothing of the time in between, and others think that it is dead. */
export const sleep: Fault = {
  kind: "sleep",
  family: "other",
  percent: 25,
  everyMs: 40_000,
  lastsMs: [2_000, 60_000],
  happen(site, lastsMs) {
    const { hostile, machines } = site.world;
    const machine = site.pick();
    if (machine === undefined || !site.take("other", "sleep", [machine])) return;
    const others = machines.filter((other) => other !== machine);
    machine.fallAsleep([...keysOf(others), toHex(hostile.member.signer.publicKey)]);
    site.lasts(lastsMs, () => machine.goOn());
  },
};
