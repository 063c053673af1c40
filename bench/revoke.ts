import { setTimeout as sleep } from "node:timers/promises";
import { fromHex, toHex } from "../src/core/bytes.ts";
import { atMost, type Figure, median, percentile } from "./figure.ts";
import { ask, type BenchNode, Fleet, follow, submit } from "./fleet.ts";
import { lastOf } from "./serf.ts";

/** Those that are left at the end, as many as other figures of the mesh have. */
const STAYING = 20;
const REVOKED = 30;
const POLL_MS = 10;
const TARGET_S = 2;
const LONGEST_MS = 30_000;

interface Peer {
  readonly name: string;
  readonly connected: string;
}

/** From the signed cut at one agent until all others have it on disk, by which they refuse. */
export async function revokeFigures(note: (text: string) => void): Promise<Figure[]> {
  const agents = STAYING + REVOKED;
  const fleet = await Fleet.create(agents, agents);
  try {
    note(`starting ${agents} agents`);
    fleet.start();
    await fleet.converged(180_000);
    const tookMs: number[] = [];
    const endedMs: number[] = [];
    for (let left = agents - 1; left >= STAYING; left--) {
      const gone = fleet.nodes[left];
      if (gone === undefined) throw new Error("no such agent");
      const { known, ended } = await revoke(fleet, gone, fleet.nodes.slice(0, left));
      tookMs.push(known);
      endedMs.push(ended);
      await fleet.kill([gone]);
      if (tookMs.length % 10 === 0) note(`${tookMs.length} of ${REVOKED} revoked`);
    }
    const versus =
      `${REVOKED} revocations one after the other: median ${median(tookMs).toFixed(0)} ms, worst ` +
      `${Math.max(...tookMs).toFixed(0)}; its connection with each had ended once after median ${median(endedMs).toFixed(0)} ms, ` +
      `worst ${Math.max(...endedMs).toFixed(0)}; ${agents} agents on one machine at first, ${STAYING} at the end`;
    const name = "revoke → refused by every reachable peer, p99";
    return [atMost(name, percentile(tookMs, 0.99) / 1000, "s", TARGET_S, versus)];
  } finally {
    await fleet.end();
  }
}

/**
 * How long until all others have the cut on disk: whatever connection there is, nothing is served from then on; and until
 * each has been without a connection to the machine.
 */
async function revoke(
  { pen }: Fleet,
  gone: BenchNode,
  others: readonly BenchNode[],
): Promise<{ readonly known: number; readonly ended: number }> {
  const [through] = others;
  if (through === undefined) throw new Error("nobody is left");
  const { items } = (await ask(through.socket, "/v1/servers")) as { items: readonly { id: string; key: string }[] };
  const key = fromHex(items.find(({ id }) => id === toHex(gone.log))?.key ?? "");
  if (key === null) throw new Error(`${gone.name} is no member`);
  const keeps = [{ log: gone.log, a: null, l: null }];
  const cut = toHex(pen.act({ type: "cut", key, keeps, reason: "bench", at: Date.now() }));
  const seen: number[] = [];
  const ends = await Promise.all(
    others.map(({ socket }) => follow(socket, (id) => void (id === cut && seen.push(performance.now())))),
  );
  const begin = performance.now();
  await submit(through.socket, pen.entries.at(-1) as Uint8Array);
  const known = await lastOf(() => seen, others.length);
  await untilDropped(gone, others, begin + LONGEST_MS);
  const ended = performance.now();
  for (const end of ends) end();
  return { known: known - begin, ended: ended - begin };
}

/**
 * What the machine itself says: its connection with each of these has ended. What it dials anew until it ends by itself, ten
 * seconds after it was told, is a connection of one that was removed, and nothing is served on it.
 */
async function untilDropped(gone: BenchNode, others: readonly BenchNode[], until: number): Promise<void> {
  const held = new Set(others.map(({ name }) => name));
  for (;;) {
    const answer = (await ask(gone.socket, "/v1/peers").catch(() => null)) as { items: readonly Peer[] } | null;
    if (answer === null && gone.process?.exitCode !== null) return;
    for (const { name, connected } of answer?.items ?? []) if (connected === "no") held.delete(name);
    if (held.size === 0) return;
    if (performance.now() > until) throw new Error(`${gone.name} is still connected to ${[...held].join(", ")}`);
    await sleep(POLL_MS);
  }
}
