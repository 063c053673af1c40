import { encodeAudit, decodeAudit } from "../../src/core/audit.ts";
import { ascii, concat, toBase64Url, toHex } from "../../src/core/bytes.ts";
import { decode, encode } from "../../src/core/encoding.ts";
import {
  decodeEnrolAnswer,
  decodeEnrolRequest,
  encodeEnrolAnswer,
  encodeEnrolRequest,
  readToken,
} from "../../src/core/enrolment.ts";
import type { AlarmClaims } from "../../src/core/alarms/claims.ts";
import { decodeReport, encodeReport } from "../../src/core/report.ts";
import { Secret } from "../../src/core/secret.ts";
import { decodeEnvelope, encodeEnvelope } from "../../src/core/secrets/envelope.ts";
import { encodeChallenge, freshnessHandler, readStatement } from "../../src/core/secrets/freshness.ts";
import {
  decodeCensus,
  decodeFetchAnswer,
  decodeFetchRequest,
  decodeGetAnswer,
  decodeGetRequest,
  decodeHeldPage,
  decodeListRequest,
  decodePutAnswer,
  decodeServed,
  encodeCensus,
  encodeFetchAnswer,
  encodeFetchRequest,
  encodeGetAnswer,
  encodeGetRequest,
  encodeHeldPage,
  encodeListRequest,
  encodePutAnswer,
  encodeServed,
} from "../../src/core/secrets/messages.ts";
import {
  decodeCarriedRead,
  decodeChallengeAnswer,
  encodeCarriedRead,
  encodeChallengeAnswer,
  encodeOperatorRead,
  openReadAnswer,
  signReadAnswer,
} from "../../src/core/secrets/operator-read.ts";
import { parseSelector } from "../../src/core/selector/term.ts";
import { decodeBody, encodeBody, type KnownBody } from "../../src/crdt/authority/bodies.ts";
import { CLASS_DESIRED, decodeEntry, type Entry } from "../../src/crdt/entry/entry.ts";
import { decodeUpdate } from "../../src/crdt/ledger/update-codec.ts";
import { DocumentCursor } from "../../src/crdt/ledger/document-cursor.ts";
import type { ChainLink } from "../../src/crdt/chain.ts";
import { checkpointState, currentWrites } from "../../src/crdt/checkpoint.ts";
import { encodeHandedOn, readHandedOn } from "../../src/crdt/handed-on.ts";
import { ReplicaExchange } from "../../src/crdt/sync/exchange.ts";
import { RemovalNotice } from "../../src/crdt/sync/removal-notice.ts";
import {
  decodeCompare,
  decodeCompareAnswer,
  decodeErrand,
  decodeErrandAnswer,
  decodeProbe,
  encodeCompare,
  encodeCompareAnswer,
  encodeErrand,
  encodeErrandAnswer,
  encodeProbe,
} from "../../src/mesh/detector/message.ts";
import { packWords, unpackWords } from "../../src/mesh/detector/word.ts";
import { decodeGossip, encodeEntries, encodeVerdicts } from "../../src/mesh/gossip-message.ts";
import { decodeAnswer, decodeRequest, encodeAnswer, encodeRequest } from "../../src/mesh/frames.ts";
import { decodeCacheRecord, encodeCacheRecord } from "../../src/node/secrets/cache-record.ts";
import {
  AT,
  type Author,
  auditRun,
  bytesFor,
  cutBody,
  found,
  grantBody,
  keepOf,
  keys,
  Peer,
  report,
  sealOf,
  signerOf,
} from "../unit/crdt/fixture.ts";

/** Something that reads what others sent. It refuses by a `LabError` or by null, and never in another way. */
export interface Target {
  readonly name: string;
  /** Messages that it understands: what mutation begins with. */
  readonly samples: readonly Uint8Array[];
  readonly read: (bytes: Uint8Array) => unknown;
  /** Says again what was read; where one meaning has one spelling, the bytes must be the same. */
  readonly again?: (value: never) => Uint8Array;
}

export async function targets(): Promise<Target[]> {
  const founding = found();
  const peer = await Peer.of(founding);
  const alice = founding.founders["alice"] as Author;
  const nas = await peer.enrol(alice, "nas-1");
  const coordinator = await peer.role(alice, nas, "coordinator");
  const token = await peer.token(alice, coordinator.log, { roles: ["secret-store"] });
  await peer.redeem(coordinator, token, "web-1");
  const bob = await peer.grant(alice, "bob");
  await peer.write(bob, { "label/web": { ports: [80], secrets: ["web/tls"] }, "server/x/label/web": true });
  await peer.write(bob, { "label/web": undefined });
  await peer.cut(alice, bob, [keepOf(bob, [])]);
  await peer.unrole(alice, nas, "coordinator", [keepOf(coordinator, [])]);
  await peer.take(auditRun(peer, nas, 3));
  await peer.take([report(peer, nas, 1, "hello")]);
  const bodies: readonly KnownBody[] = [
    grantBody("carol"),
    cutBody(bob, [keepOf(bob, null)]),
    { type: "approve", entry: token.hash },
    { type: "enrol", name: "db-1", ...peer.joiner("db-1"), at: AT },
    peer.redeemBody(token, "web-1"),
    { type: "role", node: nas.log, label: "pxe", at: AT },
    { type: "unrole", node: nas.log, label: "pxe", keeps: [], reason: "moved", at: AT },
  ];
  const entries = [...peer.entries(), report(peer, nas, 2, "again")].map(({ bytes }) => bytes);
  return [
    ...formats(entries),
    ...[...bodies, ...["genesis", "token"].map((type) => bodyOf(peer, type))].map((body) => ({
      name: `authority body: ${body.type}`,
      samples: [encodeBody(body)],
      read: (bytes: Uint8Array) => decodeBody(body.type, bytes),
    })),
    ...ledgers(bob.log),
    ...enrolment(peer),
    ...secrets(),
    ...mesh(entries),
    ...(await exchanges(peer, founding.genesis)),
    handedOn(peer, bob),
    {
      name: "selectors",
      samples: ["prod,region=eu-west,!legacy", "region in (eu-west,eu-1)", "region!=eu"].map(ascii),
      read: (bytes) => parseSelector(Buffer.from(bytes).toString("utf8")),
    },
  ];
}

function bodyOf(peer: Peer, type: string): KnownBody {
  const found = peer.replica.graph.entries.find(({ body }) => body.type === type);
  if (found === undefined || found.body.type === "unknown") throw new Error(`no ${type} was written`);
  return found.body;
}

function formats(entries: readonly Uint8Array[]): Target[] {
  const record = {
    path: "web/tls",
    version: "ab".repeat(32),
    labels: ["web"],
    fetchedMs: AT,
    nonce: bytesFor("nonce").subarray(0, 12),
    sealed: bytesFor("sealed"),
  };
  const audit = { actor: "a", action: "b", object: "c", decision: "denied", reason: "d", timeMs: AT } as const;
  const roles = [{ label: "coordinator", state: "running", detail: "" } as const];
  const alarms: AlarmClaims = {
    complaints: [{ kind: "clock-off", subject: "", detail: "d" }],
    programs: ["page-me"],
    incidents: [
      { id: "i", kind: "unreachable", about: "a", server: "a", detail: "d", sinceMs: AT, untilMs: AT + 1 },
      { id: "i", kind: "isolated", about: "m", server: null, detail: "d", sinceMs: AT, untilMs: null },
    ],
    deliveries: [{ id: "i", route: "r", told: "raised", sinceMs: AT, atMs: AT }],
  };
  return [
    {
      name: "canonical encoding",
      samples: [encodeAudit(audit), encodeCacheRecord(record)],
      read: decode,
      again: encode,
    },
    { name: "entries", samples: entries, read: (bytes) => decodeEntry(keys, bytes) },
    {
      name: "reports",
      samples: [encodeReport({ release: "1", addresses: ["192.0.2.1:7444"], roles, os: "Linux", arch: "x64", alarms })],
      read: decodeReport,
    },
    {
      name: "audit records",
      samples: [encodeAudit(audit)],
      read: decodeAudit,
    },
    { name: "cache records", samples: [encodeCacheRecord(record)], read: decodeCacheRecord },
  ];
}

function ledgers(log: Uint8Array): Target[] {
  const hlc = { ms: AT, count: 0 };
  const cursor = new DocumentCursor(keys, log);
  const first = cursor.encode([{ path: "label/web", value: { ports: [80, 1.5], on: true, x: null }, over: [] }], hlc);
  cursor.advance(first, hlc);
  const second = cursor.encode(
    [
      { path: "label/web", value: undefined, over: ["ab".repeat(32)] },
      { path: "label/db", value: ["äöü", -7, "x".repeat(300)], over: [] },
    ],
    hlc,
  );
  return [
    { name: "ledger updates: the first", samples: [first], read: (bytes) => decodeUpdate(bytes, cursor.fresh(), hlc) },
    { name: "ledger updates: the next", samples: [second], read: (bytes) => decodeUpdate(bytes, cursor, hlc) },
  ];
}

function checkedToken(body: Uint8Array): string {
  const check = keys.hash(concat(ascii("lab/1/token-check\0"), body)).subarray(0, 4);
  return `lab1.${toBase64Url(concat(check, body))}`;
}

function enrolment(peer: Peer): Target[] {
  const token = {
    mesh: peer.mesh,
    id: bytesFor("token").subarray(0, 16),
    secret: bytesFor("secret"),
    issuer: signerOf("nas-1").publicKey,
    addresses: ["192.0.2.7:7444", "[2001:db8::7]:7444"],
    name: "db-1",
    expiresMs: AT,
  };
  const { seal, proof } = peer.joiner("db-1");
  const members = [{ key: signerOf("nas-1").publicKey, addresses: ["192.0.2.1:7444"] }];
  const entries = [bytesFor("entry")];
  return [
    {
      name: "join tokens",
      samples: [token, { ...token, name: null }, { ...token, psk: { v: 1, key: bytesFor("psk") } }].map((each) =>
        encode({ v: 1, ...each }),
      ),
      // Whoever alters a token can also make its check right again.
      read: (bytes) => readToken(keys, checkedToken(bytes)),
    },
    {
      name: "enrolment requests",
      samples: [null, 0, 4711].map((after) =>
        encodeEnrolRequest({ tokenId: token.id, secret: token.secret, seal, proof, name: null, after }),
      ),
      read: decodeEnrolRequest,
    },
    {
      name: "enrolment answers",
      samples: [
        encodeEnrolAnswer({ state: "enrolled", entries, members, more: true }),
        encodeEnrolAnswer({ state: "refused", reason: "used", hint: "another" }),
      ],
      read: decodeEnrolAnswer,
    },
  ];
}

function secrets(): Target[] {
  const held = { path: "web/tls", version: "ab".repeat(32) };
  const [authority, desired] = [bytesFor("authority"), bytesFor("desired")];
  const served = { ...held, nonce: bytesFor("nonce"), value: new Secret(ascii("value")) };
  const source = { mesh: bytesFor("mesh"), signer: signerOf("nas-1"), heads: () => ({ authority, desired }) };
  const envelope = {
    ...held,
    class: "store",
    nonce: bytesFor("nonce").subarray(0, 12),
    sealedValue: bytesFor("sealed"),
    recipients: [sealOf("nas-1")],
    wrapped: bytesFor("wrapped"),
  };
  const read = encodeOperatorRead({
    ...{ mesh: bytesFor("mesh"), operator: "ab".repeat(32), store: "cd".repeat(32), path: "web/tls" },
    ...{ recipient: sealOf("bob"), challenge: bytesFor("challenge") },
  });
  return [
    {
      name: "secret: get",
      samples: [
        encodeGetRequest({ path: "web/tls", authority, desired }),
        encodeGetRequest({ ...held, authority, desired }),
      ],
      read: decodeGetRequest,
    },
    {
      name: "secret: got",
      samples: [
        encodeGetAnswer({ state: "none" }),
        encodeGetAnswer({ state: "value", sealed: authority, vouched: "fresh" }),
      ],
      read: decodeGetAnswer,
    },
    {
      name: "secret: read",
      samples: [
        encodeCarriedRead({ bytes: read, signature: { scheme: 1, bytes: new Uint8Array(64) }, authority, desired }),
      ],
      read: decodeCarriedRead,
    },
    {
      name: "secret: challenge",
      samples: [encodeChallengeAnswer(bytesFor("challenge"))],
      read: (bytes) => [decodeChallengeAnswer(bytes)],
    },
    {
      name: "secret: answer to a read",
      samples: [signReadAnswer(keys, signerOf("nas-1"), read, encodeGetAnswer({ state: "none" }))],
      read: (bytes) => [openReadAnswer(keys, signerOf("nas-1").publicKey, read, bytes)],
    },
    {
      name: "secret: put",
      samples: [encodePutAnswer({ stored: true }), encodePutAnswer({ stored: false, reason: "full" })],
      read: decodePutAnswer,
    },
    {
      name: "secret: list",
      samples: [encodeListRequest({ after: null }), encodeListRequest({ after: held, path: held.path })],
      read: (bytes) => [decodeListRequest(bytes)],
    },
    { name: "secret: page", samples: [encodeHeldPage({ held: [held], more: true })], read: decodeHeldPage },
    {
      name: "secret: census",
      samples: [encodeCensus({ current: 3, held: 2, toWrap: 1, vouched: "fresh" })],
      read: (bytes) => [decodeCensus(bytes)],
    },
    { name: "secret: fetch", samples: [encodeFetchRequest(held)], read: decodeFetchRequest },
    {
      name: "secret: fetched",
      samples: [encodeFetchAnswer(null), encodeFetchAnswer(authority)],
      read: (bytes) => [decodeFetchAnswer(bytes)],
    },
    {
      name: "secret: served",
      samples: [
        encodeServed({ ...held, content: served }).reveal(),
        encodeServed({ ...held, content: envelope }).reveal(),
      ],
      read: (bytes) => decodeServed(new Secret(bytes)),
    },
    { name: "secret: envelope", samples: [encodeEnvelope(envelope)], read: decodeEnvelope },
    {
      name: "freshness: challenge",
      samples: [encodeChallenge(bytesFor("nonce"))],
      read: (bytes) => freshnessHandler(source)("peer", bytes),
    },
    {
      name: "freshness: statement",
      samples: [encode({ v: 1, authority, desired, signature: new Uint8Array(64) })],
      read: (bytes) => [readStatement(keys, source.mesh, bytesFor("nonce"), signerOf("nas-1").publicKey, bytes)],
    },
  ];
}

function mesh(entries: readonly Uint8Array[]): Target[] {
  const [nas, web] = ["ab".repeat(32), "cd".repeat(32)];
  const members = new Map([nas, web].map((key) => [key.slice(0, 16), key]));
  const named = (prefix: string) => members.get(prefix);
  const word = { member: nas, incarnation: 7, accusers: [web], signature: new Uint8Array(64) };
  const words = [{ ...word, status: "silent" as const }];
  const digest = new Uint8Array(8);
  return [
    {
      name: "gossip",
      samples: [...encodeEntries(entries.slice(0, 3)), encodeVerdicts(packWords(words))],
      read: (bytes) => {
        const message = decodeGossip(bytes);
        return message.kind === "verdicts" ? unpackWords(message.words, named) : message;
      },
    },
    {
      name: "detector: words",
      samples: [packWords(words)],
      read: (bytes) => unpackWords(bytes, named),
    },
    {
      name: "detector: probe",
      samples: [encodeProbe({ digest, words, connection: "hangs-up" })],
      read: (bytes) => decodeProbe(bytes, named),
    },
    {
      name: "detector: errand",
      samples: [encodeErrand({ member: nas, mayDial: true, words })],
      read: (bytes) => decodeErrand(bytes, named),
    },
    {
      name: "detector: what came of an errand",
      samples: [encodeErrandAnswer({ outcome: "answers", words })],
      read: (bytes) => decodeErrandAnswer(bytes, named),
    },
    {
      name: "detector: table",
      samples: [encodeCompare([{ member: nas, incarnation: 7, standing: "alive" }])],
      read: (bytes) => decodeCompare(bytes, named),
    },
    {
      name: "detector: what the other table has",
      samples: [encodeCompareAnswer({ words, wanted: [web] })],
      read: (bytes) => decodeCompareAnswer(bytes, named),
    },
    {
      name: "requests",
      samples: [encodeRequest({ channel: "sync", body: bytesFor("body") }).subarray(4)],
      read: decodeRequest,
    },
    {
      name: "answers",
      samples: [
        encodeAnswer({ kind: "answered", body: bytesFor("body") }).subarray(4),
        encodeAnswer({ kind: "failed", message: "no" }).subarray(4),
      ],
      read: decodeAnswer,
    },
  ];
}

/** What a ledger had come to, as a peer hands it on. */
function handedOn(peer: Peer, { log }: Author): Target {
  const links = peer.replica.chain(toHex(log), CLASS_DESIRED)?.main ?? [];
  const last = links.at(-1) as ChainLink;
  const state = checkpointState(keys, [links]);
  return {
    name: "exchange: states",
    samples: [encodeHandedOn({ entry: last.entry, next: last.end, writes: currentWrites(links) })],
    read: (bytes) => readHandedOn(keys, bytes, state, (entry) => decodeEntry(keys, entry)),
  };
}

/** What two replicas say to each other in a round, from its beginning to its end. */
async function exchanges(peer: Peer, genesis: Entry): Promise<Target[]> {
  const other = new Peer(genesis);
  await other.take([genesis]);
  const [ours, theirs] = [new ReplicaExchange(other.replica, keys), new ReplicaExchange(peer.replica, keys)];
  const requests: Uint8Array[] = [];
  const answers: Uint8Array[] = [];
  const round = ours.begin();
  for (let request: Uint8Array | null = round.request; request !== null; ) {
    requests.push(request);
    const answer = await theirs.answer(request);
    answers.push(answer);
    request = await round.next(answer);
  }
  return [
    {
      name: "removal: answers",
      samples: [encode({ entries: [] }), encode({ entries: [genesis.bytes] })],
      read: (bytes) => {
        const notice = new RemovalNotice({ cuts: peer.replica.graph.entries, whole: peer.replica.graph.entries });
        notice.next(bytes);
        return notice.next(bytes);
      },
    },
    { name: "exchange: requests", samples: requests, read: (bytes) => theirs.answer(bytes) },
    {
      name: "exchange: answers",
      samples: answers,
      // Through all phases of a round that begins anew: each answer but one is right.
      read: async (bytes) => {
        const fresh = new Peer(genesis);
        await fresh.take([genesis]);
        const again = new ReplicaExchange(fresh.replica, keys).begin();
        const wrong = (bytes.at(-1) ?? 0) % answers.length;
        for (let step = 0; step < answers.length; step++) {
          const request = await again.next(step === wrong ? bytes : (answers[step] as Uint8Array));
          if (request === null) break;
        }
        return again.outcome;
      },
    },
  ];
}
