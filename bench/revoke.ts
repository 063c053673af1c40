import { setTimeout as sleep } from "node:timers/promises";
import { fromHex, toHex } from "../src/core/bytes.ts";
import { atMost, type Figure } from "./figure.ts";
import { ask, type BenchNode, Fleet, follow, submit } from "./fleet.ts";
import { lastOf } from "./serf.ts";

const AGENTS = 20;
const REVOKED = 3;
const POLL_MS = 10;
const TARGET_S = 2;
const LONGEST_MS = 30_000;

interface Peer {
  readonly name: string;
  readonly connected: string;
}

/** From the signed cut at one agent until all others have it on disk, and none has a connection to the machine. */
export async function revokeFigures(note: (text: string) => void): Promise<Figure[]> {
  const fleet = await Fleet.create(AGENTS, AGENTS);
  try {
    note(`starting ${AGENTS} agents`);
    fleet.start();
    await fleet.converged(120_000);
    const tookMs: number[] = [];
    for (let i = 0; i < REVOKED; i++) {
      const gone = fleet.nodes.at(-1 - i);
      const others = fleet.nodes.slice(0, AGENTS - REVOKED);
      if (gone === undefined) throw new Error("no such agent");
      tookMs.push(await revoke(fleet, gone, others));
    }
    const versus = `worst of ${REVOKED}: ${tookMs.map((ms) => `${ms.toFixed(0)} ms`).join(", ")}; ${AGENTS} agents on one machine`;
    const worstS = Math.max(...tookMs) / 1000;
    return [atMost("revoke → refused by every reachable peer", worstS, "s", TARGET_S, versus)];
  } finally {
    await fleet.end();
  }
}

async function revoke({ pen }: Fleet, gone: BenchNode, others: readonly BenchNode[]): Promise<number> {
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
  await untilAlone(gone, others, begin + LONGEST_MS);
  const refused = performance.now();
  for (const end of ends) end();
  return Math.max(known, refused) - begin;
}

/** What the machine itself says: none of these has it on the line. */
async function untilAlone(gone: BenchNode, others: readonly BenchNode[], until: number): Promise<void> {
  const names = new Set(others.map(({ name }) => name));
  for (;;) {
    const { items } = (await ask(gone.socket, "/v1/peers")) as { items: readonly Peer[] };
    if (items.every(({ name, connected }) => !names.has(name) || connected === "no")) return;
    if (performance.now() > until) throw new Error(`${gone.name} is still connected`);
    await sleep(POLL_MS);
  }
}
