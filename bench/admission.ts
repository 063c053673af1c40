import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { joinMessage } from "../src/core/enrolment.ts";
import type { Disk } from "../src/core/ports/disk.ts";
import type { Signer } from "../src/core/ports/keys.ts";
import { Secret } from "../src/core/secret.ts";
import { composeLink } from "../src/crdt/compose.ts";
import { CLASS_AUDIT, type ChainHeader, type Entry } from "../src/crdt/entry/entry.ts";
import { sealEntry } from "../src/crdt/entry/signatures.ts";
import { Replica } from "../src/crdt/replica.ts";
import { ReplicaExchange } from "../src/crdt/sync/exchange.ts";
import { createKeys } from "../src/node/platform/keys.ts";
import { openLevelDisk } from "../src/node/platform/store/level-disk.ts";
import { atLeast, atMost, type Figure, median } from "./figure.ts";
import { Pen } from "./fleet.ts";

const HISTORY = 100_000;
const WRITERS = 200;
/** Raw verifications and admissions take turns: what else the machine does hits both. */
const ROUNDS = 5;
const LIVE = 2_000;
/** As a bulk change or a busy moment fills a message of gossip. */
const IN_ONE_MESSAGE = 50;
/** What an exchange brings with one answer. */
const ANSWER_BYTES = 1024 * 1024;
const COVERED = 8_000;
/** Links that one signature covers: a batch that an operator signs as a whole. */
const COVERED_BY_ONE = 100;
const VERIFIES = 2_000;
const SHA256_BYTES = 32;

const keys = createKeys();

/** How fast entries come in: as they are written, after an absence, and all at once on a new member. */
export async function admissionFigures(note: (text: string) => void): Promise<Figure[]> {
  note(`signing ${HISTORY} entries`);
  const pen = new Pen();
  const writers = Array.from({ length: WRITERS }, (_, i) => writer(pen, `node-${i}`));
  const authority = pen.entries;
  const perWriter = (HISTORY - authority.length) / WRITERS;
  const history = writers.flatMap((each) => chainOf(pen.mesh, each, Math.floor(perWriter)));
  const elder = new Replica(keys, pen.mesh, nowhere());
  await elder.admit(authority, "local");
  await elder.admit(bytesOf(history), "local");

  const directory = mkdtempSync(join(tmpdir(), "lab-bench-admission-"));
  try {
    note("admitting");
    const rounds: { readonly raw: number; readonly live: number; readonly covered: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const live = chainOf(pen.mesh, writers[round] as Writer, LIVE);
      const covered = answersOf(coveredOf(chainOf(pen.mesh, writers[round] as Writer, COVERED)));
      const raw = rawVerifiesPerSecond();
      const liveSeconds = await onDisk(join(directory, `live-${round}`), pen, async (replica) => {
        for (let at = 0; at < LIVE; at += IN_ONE_MESSAGE) {
          await replica.admit(bytesOf(live.slice(at, at + IN_ONE_MESSAGE)), "gossip");
        }
      });
      const coveredSeconds = await onDisk(join(directory, `covered-${round}`), pen, async (replica) => {
        for (const answer of covered) await replica.admit(answer, "exchange");
      });
      rounds.push({ raw, live: LIVE / liveSeconds, covered: COVERED / coveredSeconds });
    }
    note("joining");
    const joinSeconds = await onDisk(
      join(directory, "join"),
      null,
      async (replica) => {
        const [asking, answering] = [new ReplicaExchange(replica, keys), new ReplicaExchange(elder, keys)];
        while (replica.contents === 0 || toText(replica) !== toText(elder)) {
          const round = asking.begin();
          for (let next: Uint8Array | null = round.request; next !== null; ) {
            next = await round.next(await answering.answer(next));
          }
        }
      },
      pen.mesh,
    );
    const of = (rate: (round: (typeof rounds)[0]) => number): number => median(rounds.map(rate));
    const against = `${Math.round(of(({ raw }) => raw))} raw Ed25519 verifies/s of one thread, in turns, median of ${ROUNDS}`;
    const synced = "LevelDB with fsync";
    const [liveRate, coveredRate] = [of(({ live }) => live), of(({ covered }) => covered)].map(Math.round);
    return [
      atLeast(
        "admitted live",
        of(({ live, raw }) => live / raw),
        "×",
        0.75,
        `${liveRate}/s, ${IN_ONE_MESSAGE} a message, ${synced}; ${against}`,
      ),
      atLeast(
        "… by chain cover",
        of(({ covered, raw }) => covered / raw),
        "×",
        4,
        `${coveredRate}/s, ${COVERED_BY_ONE} links a signature, ${synced}; ${against}`,
      ),
      atMost(
        `cold join with ${HISTORY.toLocaleString("en")} historic entries`,
        joinSeconds,
        "s",
        10,
        `each signed, of ${WRITERS} writers; both ends in one process, ${synced}`,
      ),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Writer {
  readonly signer: Signer;
  readonly log: Uint8Array;
}

function writer(pen: Pen, name: string): Writer {
  const signer = keys.signer(new Secret(new Uint8Array(randomBytes(32))));
  const seal = `age1${randomBytes(29).toString("hex")}`;
  const proof = signer.sign(joinMessage(pen.mesh, signer.publicKey, seal));
  const log = pen.act({ type: "enrol", name, key: signer.publicKey, seal, proof, at: Date.now() });
  return { signer, log };
}

function chainOf(mesh: Uint8Array, { signer, log }: Writer, length: number): Entry<ChainHeader>[] {
  const chain: Entry<ChainHeader>[] = [];
  for (let seq = 1; seq <= length; seq++) {
    const last = chain.at(-1);
    const head = last === undefined ? null : { seq: last.header.seq, hash: last.hash };
    const position = { mesh, log, class: CLASS_AUDIT, head, hlc: { ms: 1_800_000_000_000 + seq, count: 0 } };
    const payload = new Uint8Array(randomBytes(100));
    chain.push(composeLink(keys, { ...position, seen: new Uint8Array(SHA256_BYTES), more: 0 }, payload, signer));
  }
  return chain;
}

/** The same chain with a signature on every hundredth link, which covers those before it. */
function coveredOf(chain: readonly Entry<ChainHeader>[]): Entry<ChainHeader>[] {
  return chain.map((entry, i) =>
    (i + 1) % COVERED_BY_ONE === 0 ? entry : sealEntry(keys, entry.header, entry.payload, () => []),
  );
}

/** In whole runs, each ended by the signature that covers it. */
function answersOf(chain: readonly Entry<ChainHeader>[]): Uint8Array[][] {
  const answers: Uint8Array[][] = [[]];
  let size = 0;
  for (let at = 0; at < chain.length; at += COVERED_BY_ONE) {
    const run = bytesOf(chain.slice(at, at + COVERED_BY_ONE));
    size += run.reduce((sum, { length }) => sum + length, 0);
    if (size > ANSWER_BYTES) {
      answers.push([]);
      size = 0;
    }
    answers.at(-1)?.push(...run);
  }
  return answers;
}

function bytesOf(entries: readonly Entry[]): Uint8Array[] {
  return entries.map(({ bytes }) => bytes);
}

/** Seconds that `run` takes on a replica whose store is real; without a pen it begins with nothing. */
async function onDisk(
  path: string,
  pen: Pen | null,
  run: (replica: Replica) => Promise<void>,
  mesh = pen?.mesh ?? new Uint8Array(SHA256_BYTES),
): Promise<number> {
  const disk = await openLevelDisk(path);
  try {
    const replica = new Replica(keys, mesh, disk);
    await replica.load();
    if (pen !== null) await replica.admit(pen.entries, "local");
    const startMs = performance.now();
    await run(replica);
    return (performance.now() - startMs) / 1000;
  } finally {
    await disk.close();
  }
}

function toText(replica: Replica): string {
  return Buffer.from(new ReplicaExchange(replica, keys).inventory.digest("")).toString("hex");
}

/** For the one that only answers. */
function nowhere(): Disk {
  return {
    append: async () => undefined,
    read: async () => undefined,
    scan: async () => [],
    remove: async () => undefined,
    close: async () => undefined,
  } as unknown as Disk;
}

/** One thread and nothing but the signature, over messages of an entry's length. */
function rawVerifiesPerSecond(): number {
  const seed = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), randomBytes(32)]);
  const privateKey = createPrivateKey({ key: seed, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  const message = randomBytes(300);
  const signature = sign(null, message, privateKey);
  const startMs = performance.now();
  for (let i = 0; i < VERIFIES; i++) verify(null, message, publicKey, signature);
  return VERIFIES / ((performance.now() - startMs) / 1000);
}
