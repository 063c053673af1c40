import { setTimeout as sleep } from "node:timers/promises";
import { fromHex, toHex } from "../src/core/bytes.ts";
import type { Link } from "../src/core/ports/link.ts";
import { decodeGetAnswer, decodeServed, encodeGetRequest, GET_CHANNEL } from "../src/core/secrets/messages.ts";
import { type RunningAgent, startAgent } from "../src/node/host.ts";
import { ensureKeys } from "../src/node/platform/home.ts";
import { createKeys } from "../src/node/platform/keys.ts";
import { atLeast, atMost, type Figure, percentile } from "./figure.ts";
import { ask, type BenchNode, type Fleet, post } from "./fleet.ts";
import { measure } from "./process-cost.ts";

const READS = 8000;
const WARM_UP_READS = 800;
/** As many as it takes: no member may ask 1000 times a second, however long (`src/mesh/gate.ts`). */
const READERS = 8;
/** Questions of each that are under way. */
const AT_ONCE = 2;

const keys = createKeys();

interface Reader {
  readonly agent: RunningAgent;
  readonly read: () => Promise<void>;
}

/** Members that ask a store over the mesh, a stream for each request, and open what they get; all in this process. */
export async function readFigures(fleet: Fleet, store: BenchNode, path: string): Promise<Figure[]> {
  const members = fleet.nodes.filter((node) => node !== store).slice(0, READERS);
  await fleet.kill(members);
  const readers = await Promise.all(members.map((member) => startReader(fleet, member, store, path)));
  try {
    await readMany(readers, WARM_UP_READS);
    const [storeS, clientUs] = [cpuOf(store), process.cpuUsage()];
    const begin = performance.now();
    const tookMs = await readMany(readers, READS);
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(clientUs);
    const cpu = [cpuOf(store) - storeS, (user + system) / 1e6].map(
      (spent) => `${((spent / READS) * 1000).toFixed(2)} ms`,
    );
    const versus =
      `${READS} reads of one value by ${READERS} members, ${READERS * AT_ONCE} at once, a stream each, clients and ` +
      `store on one machine; CPU of a read: store ${cpu[0]}, client ${cpu[1]}`;
    return [
      atLeast("authenticated sealed reads per second and store", READS / seconds, "/s", 1000, versus),
      atMost("… p99", percentile(tookMs, 0.99), "ms", 50, versus),
    ];
  } finally {
    await Promise.all(readers.map(({ agent }) => agent.stop()));
  }
}

async function startReader(fleet: Fleet, member: BenchNode, store: BenchNode, path: string): Promise<Reader> {
  let link: Link | null = null;
  const agent = await startAgent({
    ...{ home: member.home, listen: [member.address], announce: [], mdns: false, logLevel: "error" },
    writeLog: () => undefined,
    wrapLink: (real) => {
      link = real;
      return real;
    },
  });
  const line = link as Link | null;
  if (line === null) throw new Error("no link");
  const { items } = (await ask(member.socket, "/v1/servers")) as { items: readonly { name: string; key: string }[] };
  const key = items.find(({ name }) => name === store.name)?.key ?? "";
  const { seal } = await ensureKeys(member.home, keys);
  await connected(member, store.name);
  const body = encodeGetRequest({ path, ...(await headsOf(fleet, member)) });
  const read = async (): Promise<void> => {
    const answer = decodeGetAnswer(await line.request(key, GET_CHANNEL, body, 10_000));
    const opened = answer.state === "value" ? await keys.open(seal, answer.sealed) : null;
    if (opened === null || decodeServed(opened).path !== path) throw new Error(`the store says ${answer.state}`);
  };
  return { agent, read };
}

/** Milliseconds that each read took. */
async function readMany(readers: readonly Reader[], reads: number): Promise<number[]> {
  const tookMs: number[] = [];
  let left = reads;
  const inTurn = async ({ read }: Reader): Promise<void> => {
    while (left-- > 0) {
      const begin = performance.now();
      await read();
      tookMs.push(performance.now() - begin);
    }
  };
  await Promise.all(readers.flatMap((reader) => Array.from({ length: AT_ONCE }, () => inTurn(reader))));
  return tookMs;
}

async function connected({ socket }: BenchNode, name: string): Promise<void> {
  const until = performance.now() + 30_000;
  for (;;) {
    const { items } = (await ask(socket, "/v1/peers")) as { items: readonly { name: string; connected: string }[] };
    if (items.some((peer) => peer.name === name && peer.connected === "direct")) return;
    if (performance.now() > until) throw new Error(`no connection to ${name}`);
    await sleep(50);
  }
}

export async function headsOf({ pen }: Fleet, { socket }: BenchNode) {
  const body = { key: toHex(pen.signer.publicKey), holds: [], servers: [], paths: [] };
  const { seen } = (await post(socket, "/v1/operator-context", body)) as { seen: string };
  const { item } = (await ask(socket, "/v1/status")) as { item: { stateHash: string } };
  const [authority, desired] = [fromHex(seen), fromHex(item.stateHash)];
  if (authority === null || desired === null) throw new Error("no heads");
  return { authority, desired };
}

function cpuOf({ process: child }: BenchNode): number {
  return measure(child?.pid ?? 0).cpuS;
}
