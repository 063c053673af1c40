import { describe, expect, it } from "vitest";
import { SimClock } from "../../../sim/clock.ts";
import { ENROL_CHANNEL } from "../../../src/core/enrolment.ts";
import type { LabError } from "../../../src/core/errors.ts";
import type { Standing } from "../../../src/core/ports/link.ts";
import { noCounts } from "../../../src/mesh/counters.ts";
import { Gate } from "../../../src/mesh/gate.ts";
import { bytes, keyOf } from "./homelab.ts";

const standings: Readonly<Record<string, Standing>> = {
  [keyOf("alice")]: "member",
  [keyOf("mallory")]: "refused",
};

function createGate() {
  const counters = noCounts();
  const clock = new SimClock();
  const directory = { standing: (peer: string) => standings[peer] ?? "stranger", members: () => [] };
  const gate = new Gate(directory, clock.clockFor("nas"), counters);
  gate.handle("secret", async () => bytes("treasure"));
  gate.handleStrangers(ENROL_CHANNEL, async () => bytes("welcome"));
  const ask = (name: string, channel: string) => gate.serve(keyOf(name), channel, bytes("please"));
  /** How many of so many questions in a row are answered. */
  const answered = async (name: string, channel: string, count: number) => {
    const answers = await Promise.allSettled(Array.from({ length: count }, () => ask(name, channel)));
    const refusals = answers.filter((answer) => answer.status === "rejected");
    expect(refusals.every(({ reason }) => (reason as LabError).code === "Busy")).toBe(true);
    return answers.length - refusals.length;
  };
  return { gate, counters, clock, ask, answered };
}

describe("the gate", () => {
  it("lets members reach every channel", async () => {
    const { ask } = createGate();
    expect(await ask("alice", "secret")).toEqual(bytes("treasure"));
    expect(await ask("alice", ENROL_CHANNEL)).toEqual(bytes("welcome"));
  });

  it("lets strangers reach enrolment and nothing else, and does not tell them what there is", async () => {
    const { ask, counters } = createGate();
    expect(await ask("bob", ENROL_CHANNEL)).toEqual(bytes("welcome"));
    const refusal = { code: "NotAuthorised", message: "not a member of this mesh" };
    await expect(ask("bob", "secret")).rejects.toMatchObject(refusal);
    await expect(ask("bob", "nowhere")).rejects.toMatchObject(refusal);
    expect(counters.refusedRequests).toBe(2);
  });

  it("lets the refused reach nothing", async () => {
    const { ask } = createGate();
    await expect(ask("mallory", ENROL_CHANNEL)).rejects.toMatchObject({ code: "NotAuthorised" });
    await expect(ask("mallory", "secret")).rejects.toMatchObject({ code: "NotAuthorised" });
  });

  it("tells members which channel is not served", async () => {
    const { gate, ask } = createGate();
    gate.unhandle("secret");
    await expect(ask("alice", "secret")).rejects.toMatchObject({ code: "NotFound" });
  });

  it("lets strangers together ask a few times, and again after a while", async () => {
    const { answered, clock } = createGate();
    expect((await answered("bob", ENROL_CHANNEL, 80)) + (await answered("eve", ENROL_CHANNEL, 80))).toBe(100);
    await clock.runUntil(2_000);
    expect(await answered("carol", ENROL_CHANNEL, 80)).toBe(20);
  });

  it("lets each member ask as much as catching up takes, and no member at the cost of others", async () => {
    const { answered, gate, ask } = createGate();
    expect(await answered("alice", "secret", 3_000)).toBe(2_000);
    expect(await answered("bob", ENROL_CHANNEL, 1)).toBe(1);
    gate.closed(keyOf("alice"));
    expect(await ask("alice", "secret")).toEqual(bytes("treasure"));
  });

  it("takes one handler for a channel", () => {
    const { gate } = createGate();
    expect(() => gate.handle(ENROL_CHANNEL, async () => bytes("mine"))).toThrow(/already/);
  });
});
