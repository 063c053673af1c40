import { describe, expect, it } from "vitest";
import { ENROL_CHANNEL } from "../../../src/core/enrolment.ts";
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
  const gate = new Gate({ standing: (peer) => standings[peer] ?? "stranger", members: () => [] }, counters);
  gate.handle("secret", async () => bytes("treasure"));
  gate.handleStrangers(ENROL_CHANNEL, async () => bytes("welcome"));
  const ask = (name: string, channel: string) => gate.serve(keyOf(name), channel, bytes("please"));
  return { gate, counters, ask };
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

  it("takes one handler for a channel", () => {
    const { gate } = createGate();
    expect(() => gate.handle(ENROL_CHANNEL, async () => bytes("mine"))).toThrow(/already/);
  });
});
