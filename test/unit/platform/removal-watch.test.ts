import { describe, expect, it } from "vitest";
import { SimClock, settled } from "../../../sim/clock.ts";
import { CollectingLog } from "../../../sim/log.ts";
import type { Removal } from "../../../src/crdt/removal.ts";
import type { Agent, AgentEvent } from "../../../src/node/agent.ts";
import { RemovalWatch } from "../../../src/node/removal-watch.ts";

const REMOVAL: Removal = { by: "alice", atMs: Date.UTC(2026, 0, 2, 3, 4, 5), reason: "stolen" };

/** An agent as far as the watch looks at it. */
function scene() {
  const clock = new SimClock();
  const log = new CollectingLog();
  const stub = { removal: null as Removal | null, wipes: 0 };
  const listeners = new Set<(event: AgentEvent) => void>();
  const agent = {
    get removal() {
      return stub.removal;
    },
    node: "n",
    view: () => ({ meshName: "homelab", nodes: new Map([["n", { name: "web-1" }]]) }),
    cache: { reconcile: async () => void stub.wipes++ },
    watch: (listener: (event: AgentEvent) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as Agent;
  const watch = new RemovalWatch(agent, clock.clockFor("web-1"), log);
  const ends: string[] = [];
  void watch.over.then((error) => ends.push(`${error.code}: ${error.message}; ${error.facts.notes?.join()}`));
  const growth = { event: "growth", growth: { entries: [], source: "exchange", authority: true } } as const;
  const become = (removal: Removal | null) => {
    stub.removal = removal;
    for (const listener of listeners) listener(growth);
  };
  const pass = async (ms: number) => {
    await clock.runUntil(clock.monotonic() + ms);
    await settled();
  };
  return { watch, become, pass, ends, stub, log, listeners };
}

describe("an agent whose machine is removed", () => {
  it("says so at once, and ends when it stays so, with nothing left of what it had fetched", async () => {
    const { watch, become, pass, ends, stub } = scene();
    watch.start();
    await pass(60_000);
    become(REMOVAL);
    become(REMOVAL);
    await pass(9_000);
    expect(ends).toEqual([]);
    await pass(2_000);
    expect(stub.wipes).toBe(1);
    expect(ends).toEqual([
      "Removed: web-1 was removed from mesh homelab; removed by alice at 2026-01-02 03:04:05: stolen",
    ]);
  });

  it("that starts as one which was removed ends as well", async () => {
    const { watch, pass, ends, stub } = scene();
    stub.removal = REMOVAL;
    watch.start();
    await pass(11_000);
    expect(ends).toHaveLength(1);
  });

  it("goes on when the removal is taken back, and looks no more once it is stopped", async () => {
    const { watch, become, pass, ends, listeners } = scene();
    watch.start();
    become(REMOVAL);
    await pass(5_000);
    become(null);
    await pass(60_000);
    expect(ends).toEqual([]);
    become(REMOVAL);
    watch.stop();
    await pass(60_000);
    expect(ends).toEqual([]);
    expect(listeners.size).toBe(0);
  });
});
