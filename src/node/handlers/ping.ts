import { LabError } from "../../core/errors.ts";
import type { Ping } from "../../operations/kinds/ping.ts";
import type { InputOf, OutputOf } from "../../operations/operation.ts";
import type { peerPingOperation } from "../../operations/ping.ts";
import type { Agent } from "../agent.ts";
import { memberNamed } from "./member-named.ts";
import { metaOf, type ReadSource } from "./read-source.ts";

/** One answer that takes longer is lost. */
const ROUND_TRIP_MS = 2_000;
/** All of them together: whoever asked through another peer waits ten seconds. */
const IN_ALL_MS = 8_000;

type Asked = Pick<Ping, "path" | "address" | "sent" | "detail"> & { readonly rttsMs: readonly number[] };

/** Asks a member again and again and says how long it took, by which way, and how many answers were lost. */
export async function pingPeer(
  agent: Agent,
  source: ReadSource,
  { name, count }: InputOf<typeof peerPingOperation>,
): Promise<OutputOf<typeof peerPingOperation>> {
  const node = memberNamed(source.replica.view(), name);
  const { rttsMs, sent, ...asked } = await ask(agent, node.key, count);
  const received = rttsMs.length;
  const item: Ping = {
    ...asked,
    name: node.name,
    id: node.id,
    sent,
    received,
    lossPercent: sent === 0 ? 100 : (100 * (sent - received)) / sent,
    minMs: received === 0 ? null : Math.min(...rttsMs),
    avgMs: received === 0 ? null : rttsMs.reduce((sum, ms) => sum + ms, 0) / received,
    maxMs: received === 0 ? null : Math.max(...rttsMs),
  };
  return { kind: "Ping", meta: metaOf(source), item };
}

async function ask({ mesh, platform }: Agent, key: string, count: number): Promise<Asked> {
  const { clock } = platform;
  const untilMs = clock.monotonic() + IN_ALL_MS;
  const rttsMs: number[] = [];
  let path: Ping["path"] = "none";
  let [sent, detail] = [0, ""];
  try {
    path = key === mesh.self ? "self" : await mesh.reach(key, IN_ALL_MS / 2);
  } catch (error) {
    return { path, address: null, sent, rttsMs, detail: reasonOf(error) };
  }
  const address = mesh.remoteAddress(key);
  while (sent < count && clock.monotonic() < untilMs) {
    sent++;
    try {
      rttsMs.push(await mesh.roundTrip(key, ROUND_TRIP_MS));
    } catch (error) {
      detail = reasonOf(error);
    }
  }
  return { path, address, sent, rttsMs, detail };
}

function reasonOf(error: unknown): string {
  if (error instanceof LabError) return error.message;
  throw error;
}
