import { setTimeout as sleep } from "node:timers/promises";
import { fromHex, toHex } from "../src/core/bytes.ts";
import type { Json } from "../src/core/json.ts";
import { labelPath, secretPath, serverLabelPath } from "../src/core/paths.ts";
import { atMost, type Figure } from "./figure.ts";
import { ask, type BenchNode, Fleet, submit } from "./fleet.ts";

const AGENTS = 4;
const SECRETS = 100;
const TARGET_S = 10;
const LONGEST_MS = 120_000;
const POLL_MS = 50;
const LABEL = "rotated";

interface Listed {
  readonly items: readonly { readonly path: string; readonly version: string | null }[];
}

interface Accesses {
  readonly items: readonly { readonly path: string; readonly machine: string; readonly decision: string }[];
}

/** A machine that was served a hundred secrets is revoked: until each has a value of which it knows nothing. */
export async function rotationFigures(note: (text: string) => void): Promise<Figure[]> {
  const fleet = await Fleet.create(AGENTS, AGENTS);
  try {
    note(`starting ${AGENTS} agents, two of them stores`);
    fleet.start();
    await fleet.converged(LONGEST_MS);
    const [first, second, reader, gone] = fleet.nodes as [BenchNode, BenchNode, BenchNode, BenchNode];
    fleet.pen.act({ type: "role", node: second.log, label: "secret-store", at: Date.now() });
    await submit(first.socket, fleet.pen.entries.at(-1) as Uint8Array);
    const begunMs = performance.now();
    await declare(fleet, first, [reader, gone]);
    await until("every secret has a value", async () => (await versions(reader)).size === SECRETS);
    const madeS = (performance.now() - begunMs) / 1000;
    await until("the machine was served all of them", async () => {
      const { items } = (await ask(first.socket, "/v1/secret-accesses")) as Accesses;
      const served = items.filter(({ machine, decision }) => machine === gone.name && decision === "allowed");
      return new Set(served.map(({ path }) => path)).size === SECRETS;
    });
    const before = await versions(reader);
    note("revoking one");
    const tookS = (await revoke(fleet, gone, first, reader, before)) / 1000;
    const versus = `until another member knows a new version of each; two stores, ${AGENTS} agents on one machine`;
    return [
      atMost(`rotate ${SECRETS} exposed secrets`, tookS, "s", TARGET_S, versus),
      atMost(`make ${SECRETS} declared secrets`, madeS, "s", TARGET_S, versus),
    ];
  } finally {
    await fleet.end();
  }
}

async function declare({ pen }: Fleet, at: BenchNode, readers: readonly BenchNode[]): Promise<void> {
  const paths = Array.from({ length: SECRETS }, (_, i) => `rotated/n${i}`);
  const values: Record<string, Json> = { [labelPath(LABEL)]: { secrets: paths } };
  for (const { log } of readers) values[serverLabelPath(toHex(log), LABEL)] = true;
  for (const path of paths) values[secretPath(path)] = { type: "dynamic", generator: "random" };
  await submit(at.socket, pen.write(values).bytes);
}

async function revoke(
  { pen }: Fleet,
  gone: BenchNode,
  at: BenchNode,
  reader: BenchNode,
  before: ReadonlyMap<string, string>,
): Promise<number> {
  const { items } = (await ask(at.socket, "/v1/servers")) as { items: readonly { id: string; key: string }[] };
  const key = fromHex(items.find(({ id }) => id === toHex(gone.log))?.key ?? "");
  if (key === null) throw new Error(`${gone.name} is no member`);
  pen.act({ type: "cut", key, keeps: [{ log: gone.log, a: null, l: null }], reason: "bench", at: Date.now() });
  const begunMs = performance.now();
  await submit(at.socket, pen.entries.at(-1) as Uint8Array);
  await until("every secret has another value", async () => {
    const now = await versions(reader);
    return [...before].every(([path, version]) => now.has(path) && now.get(path) !== version);
  });
  return performance.now() - begunMs;
}

async function versions({ socket }: BenchNode): Promise<ReadonlyMap<string, string>> {
  const { items } = (await ask(socket, "/v1/secrets")) as Listed;
  return new Map(items.flatMap(({ path, version }) => (version === null ? [] : [[path, version]])));
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + LONGEST_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`still not: ${what}`);
    await sleep(POLL_MS);
  }
}
