import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fromHex, toHex } from "../../src/core/bytes.ts";
import { encode } from "../../src/core/encoding.ts";
import { ENROL_CHANNEL } from "../../src/core/enrolment.ts";
import { serverLabelPath } from "../../src/core/paths.ts";
import type { Link } from "../../src/core/ports/link.ts";
import {
  decodeGetAnswer,
  encodeGetRequest,
  encodeListRequest,
  FETCH_CHANNEL,
  GET_CHANNEL,
  LIST_CHANNEL,
} from "../../src/core/secrets/messages.ts";
import { composeAuthority, composeLink } from "../../src/crdt/compose.ts";
import { CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../../src/crdt/ledger/document-cursor.ts";
import { createVoice, packWords, type Word } from "../../src/mesh/detector/word.ts";
import { encodeVerdicts } from "../../src/mesh/gossip-message.ts";
import { keys, Mole, speaker, type Target } from "../e2e/mole.ts";

/*
 * node hostile.ts HOME: takes over the member whose home that is, and is a nuisance to everybody whom the lines of JSON on
 * standard input name, until the input ends. Prints at last what it did, and what it got that it must not get.
 */

const ACT_EVERY_MS = 700;
const TIMEOUT_MS = 5_000;
const FLOOD = 200;
const HALF_OPEN = 20;
const SECRET_PATHS = ["web/tls", "db/password"];

const [home = ""] = process.argv.slice(2);
const counts: Record<string, number> = {};
const gains: string[] = [];
let targets: readonly Target[] = [];
let state: "acting" | "ended" = "acting";
const sockets = new Set<Socket>();

const mole = await Mole.takeOver({ home });
const stranger = await speaker(new Uint8Array(randomBytes(32)), mole.mesh, () => new Uint8Array(randomBytes(50)));

/** Says what nobody let it say: each entry looks right but for one thing. */
async function forge(target: Target): Promise<void> {
  await mole.learnFrom(target);
  const parents = mole.replica.graph.tips.map(({ entry }) => entry.hash);
  const operators = [...mole.replica.graph.logs].filter(([, { kind }]) => kind === "operator");
  const logs = [mole.log, ...operators.map(([log]) => fromHex(log) as Uint8Array)];
  const at = Date.now();
  const label = { path: serverLabelPath(toHex(mole.log), "stolen"), value: true, over: [] };
  const entries = logs.flatMap((log) => {
    const hlc = { ms: at, count: 0 };
    const position = { mesh: mole.mesh, log, class: CLASS_DESIRED, head: null, hlc, seen: new Uint8Array(32), more: 0 };
    const payload = new DocumentCursor(keys, log).encode([label], hlc);
    return [
      composeAuthority(
        keys,
        { mesh: mole.mesh, log, parents },
        { type: "role", node: mole.log, label: "secret-store", at },
        mole.signer,
      ),
      composeLink(keys, position, payload, mole.signer),
    ].map(({ bytes }) => bytes);
  });
  await mole.spread([target], [...entries, new Uint8Array(randomBytes(300))]);
}

async function askForSecrets(target: Target): Promise<void> {
  const nothing = new Uint8Array(32);
  for (const path of SECRET_PATHS) {
    const answer = decodeGetAnswer(
      await mole.ask(target, GET_CHANNEL, encodeGetRequest({ path, authority: nothing, desired: nothing })),
    );
    if (answer.state === "value") gains.push(`a value of ${path}`);
  }
  await mole.ask(target, LIST_CHANNEL, encodeListRequest({ after: null }));
  const [path] = SECRET_PATHS;
  await mole.ask(target, FETCH_CHANNEL, encode({ v: 1, path: path as string, version: "00" })).then(
    () => gains.push("an envelope"),
    () => undefined,
  );
}

/** Of everybody: that they have gone. */
function lieAboutWhoIsThere(): void {
  const voice = createVoice(keys, mole.mesh, mole.signer);
  const words = targets.map(({ key }): Word => {
    const incarnation = 2 * Date.now();
    return { member: key, incarnation, status: "left", accusers: [], signature: voice.sign("left", incarnation) };
  });
  mole.link.broadcast(encodeVerdicts(packWords(words)));
}

async function knock({ key, address }: Target): Promise<void> {
  await stranger.dial(key, [address], TIMEOUT_MS);
  for (const [channel, body] of [
    ["sync", encode({ q: "root", root: new Uint8Array(32), state: new Uint8Array(32) })],
    ["api", encode({ v: 1, operation: "server.list", input: {} })],
    ["probe", new Uint8Array(0)],
  ] as const) {
    if (await answers(stranger, key, channel, body)) gains.push(`an answer on ${channel}, as a stranger`);
  }
  await answers(stranger, key, ENROL_CHANNEL, new Uint8Array(randomBytes(60)));
}

function answers(link: Link, key: string, channel: string, body: Uint8Array): Promise<boolean> {
  return link.request(key, channel, body, TIMEOUT_MS).then(
    () => true,
    () => false,
  );
}

function flood(): void {
  for (let i = 0; i < FLOOD; i++) mole.link.broadcast(new Uint8Array(randomBytes(400)));
}

/** Connections that say nothing, or anything. */
function hang({ address }: Target): void {
  const [host = "", port = "0"] = address.split(":");
  for (let i = 0; i < HALF_OPEN; i++) {
    const socket = connect(Number(port), host);
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
    if (i % 2 === 0) socket.write(randomBytes(100));
  }
}

const acts: readonly (readonly [string, (target: Target) => Promise<void> | void])[] = [
  ["forged entries", forge],
  ["asked for secrets", askForSecrets],
  ["lies about who is there", lieAboutWhoIsThere],
  ["knocked as a stranger", knock],
  ["floods", flood],
  ["connections left hanging", hang],
];

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => (targets = JSON.parse(line) as Target[]));
lines.once("close", () => (state = "ended"));

for (let turn = 0; state === "acting"; turn++) {
  const [what, act] = acts[turn % acts.length] as (typeof acts)[number];
  const target = targets[turn % Math.max(1, targets.length)];
  if (target !== undefined) {
    try {
      await mole.meet(target);
      counts[what] = (counts[what] ?? 0) + 1;
      await act(target);
    } catch {
      // Refused, or nobody is there: as it should be.
    }
  }
  await sleep(ACT_EVERY_MS);
}
process.stdout.write(`${JSON.stringify({ counts, gains })}\n`);
process.exit(0);
