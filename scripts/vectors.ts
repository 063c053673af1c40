// Writes the vectors of the protocol (docs/protocol) into test/vectors. They are frozen: a change of what this writes is a
// change of the format, and a test compares both.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ascii, concat, toHex } from "../src/core/bytes.ts";
import { decode, encode, type Plain } from "../src/core/encoding.ts";
import { joinMessage, tokenSecretHash, writeToken } from "../src/core/enrolment.ts";
import type { Json } from "../src/core/json.ts";
import type { Disk } from "../src/core/ports/disk.ts";
import type { Signer } from "../src/core/ports/keys.ts";
import { Secret } from "../src/core/secret.ts";
import type { KnownBody } from "../src/crdt/authority/bodies.ts";
import { genesisLog, redeemedNodeLog, redeemedRoleLog, rootLog } from "../src/crdt/authority/identifiers.ts";
import { composeAuthority, composeGenesis, composeLink, composeObserved, positionIn } from "../src/crdt/compose.ts";
import { type AuthorityHeader, CLASS_AUDIT, CLASS_DESIRED, type Entry, ZERO_HASH } from "../src/crdt/entry/entry.ts";
import { SCHEME_ED25519 } from "../src/core/signature.ts";
import { sealEntry } from "../src/crdt/entry/signatures.ts";
import { ledgerDocument } from "../src/crdt/ledger/document.ts";
import { DocumentCursor } from "../src/crdt/ledger/document-cursor.ts";
import type { LedgerWrite } from "../src/crdt/ledger/update-codec.ts";
import { Replica } from "../src/crdt/replica.ts";
import { encodeCompare, encodeErrand, encodeProbe } from "../src/mesh/detector/message.ts";
import { Table } from "../src/mesh/detector/table.ts";
import {
  createVoice,
  type OwnWord,
  ownWordMessage,
  packWords,
  type Status,
  type Word,
} from "../src/mesh/detector/word.ts";
import { encodeVerdicts } from "../src/mesh/gossip-message.ts";
import { createKeys } from "../src/node/platform/keys.ts";

const AT = 1_800_000_000_000;
const keys = createKeys();
const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const SEEDS = {
  root: filled(0xf0),
  alice: filled(0xa1),
  bob: filled(0xb0),
  "nas-1": filled(0x01),
  "web-1": filled(0x02),
};
type Name = keyof typeof SEEDS;
const signerOf = (name: Name): Signer => keys.signer(new Secret(SEEDS[name]));
const sealOf = (name: Name) => `age1${toHex(keys.hash(ascii(name))).slice(0, 58)}`;
const ONE = { admin: 1, destroy: 1 };

/** Nothing of this is kept. */
const nowhere: Disk = {
  append: async () => undefined,
  read: async () => undefined,
  scan: async () => [],
  count: async () => 0,
  remove: async () => undefined,
  close: async () => undefined,
};

/** The example mesh: alice founds it, lets nas-1 in, makes it coordinator; web-1 comes by a token; bob comes and goes. */
async function exampleMesh() {
  const genesis = composeGenesis(
    keys,
    {
      type: "genesis",
      name: "homelab",
      root: { keys: [signerOf("root").publicKey], k: 1 },
      founders: [{ key: signerOf("alice").publicKey, name: "alice", rights: ["admin", "ops", "destroy"], need: ONE }],
      recovery: null,
      nonce: filled(0x99),
      at: AT,
    },
    [signerOf("root"), signerOf("alice")],
  );
  const mesh = genesis.hash;
  const replica = new Replica(keys, mesh, nowhere);
  const entries: { name: string; by: Name; entry: Entry<AuthorityHeader> }[] = [];
  const take = async (name: string, by: Name, entry: Entry<AuthorityHeader>) => {
    const [answer] = await replica.admit([entry.bytes], "local");
    if (answer?.state !== "admitted") throw new Error(`${name}: ${answer?.state} ${answer?.reason}`);
    entries.push({ name, by, entry });
    return entry;
  };
  const say = (name: string, by: Name, log: Uint8Array, body: KnownBody) =>
    take(name, by, composeAuthority(keys, positionIn(replica.graph, mesh, log), body, signerOf(by)));
  const joiner = (name: Name) => {
    const [signer, seal] = [signerOf(name), sealOf(name)];
    return { key: signer.publicKey, seal, proof: signer.sign(joinMessage(mesh, signer.publicKey, seal)) };
  };

  await take("genesis", "root", genesis);
  const alice = genesisLog(keys, mesh, signerOf("alice").publicKey);
  const root = rootLog(keys, mesh, signerOf("root").publicKey);
  const enrol = await say("enrol", "alice", alice, { type: "enrol", name: "nas-1", ...joiner("nas-1"), at: AT + 1 });
  const role = await say("role", "alice", alice, { type: "role", node: enrol.hash, label: "coordinator", at: AT + 2 });
  const grant = await say("grant", "alice", alice, {
    type: "grant",
    key: signerOf("bob").publicKey,
    name: "bob",
    rank: 2,
    rights: ["admin", "ops"],
    need: { admin: 2, destroy: 1 },
    at: AT + 3,
  });
  const token = await say("token", "bob", grant.hash, {
    type: "token",
    id: filled(0x77, 16),
    secretHash: tokenSecretHash(keys, filled(0x88)),
    name: "web-1",
    labels: ["prod", "web"],
    attributes: { region: "eu" },
    roles: ["secret-store"],
    issuer: role.hash,
    nbf: AT,
    exp: AT + 3_600_000,
    at: AT + 4,
  });
  await say("approve", "alice", alice, { type: "approve", entry: token.hash });
  const redeem = await say("redeem", "nas-1", role.hash, {
    type: "redeem",
    token: token.hash,
    name: "web-1",
    ...joiner("web-1"),
    at: AT + 5,
  });
  const web1 = redeemedNodeLog(keys, token.hash, signerOf("web-1").publicKey);
  await say("unrole", "alice", alice, { type: "unrole", node: web1, label: "secret-store", keeps: [], at: AT + 6 });
  await say("cut", "alice", alice, {
    type: "cut",
    key: signerOf("bob").publicKey,
    keeps: [{ log: grant.hash, a: [token.hash], l: null }],
    reason: "left",
    at: AT + 7,
  });
  const position = positionIn(replica.graph, mesh, alice);
  const later = { kind: "authority", key: signerOf("alice").publicKey, ...position, type: "quorum" } as const;
  await take("a type that this release does not know", "alice", signed("alice", later, encode({ later: [1, true] })));

  const webRole = redeemedRoleLog(keys, token.hash, signerOf("web-1").publicKey, "secret-store");
  const logs = [
    { opens: "root", by: "genesis", key: "root", log: root },
    { opens: "founder", by: "genesis", key: "alice", log: alice },
    { opens: "grant", by: "grant", key: "bob", log: grant.hash },
    { opens: "enrol", by: "enrol", key: "nas-1", log: enrol.hash },
    { opens: "role", by: "role", key: "nas-1", log: role.hash },
    { opens: "node of a token", by: "token", key: "web-1", log: web1 },
    { opens: "role of a token", by: "token", key: "web-1", label: "secret-store", log: webRole },
  ];
  return { mesh, replica, entries, logs, alice, web1, enrol, token, redeem, webRole };
}

type Example = Awaited<ReturnType<typeof exampleMesh>>;

function signed<H extends Entry["header"]>(by: Name, header: H, payload: Uint8Array): Entry<H> {
  return sealEntry(keys, header, payload, (message) => [{ scheme: SCHEME_ED25519, bytes: signerOf(by).sign(message) }]);
}

function authorityVectors({ mesh, entries, logs, replica }: Example): object {
  const view = replica.view();
  return {
    about: "One history in causal order, the logs that it opens, and what it means (docs/protocol/authority.md)",
    mesh: toHex(mesh),
    keys: publicKeys(),
    entries: entries.map(({ name, by, entry }) => ({
      name,
      by,
      bytes: toHex(entry.bytes),
      hash: entry.id,
      type: entry.header.type,
      body: readable(decode(entry.payload)),
    })),
    logs: logs.map((log) => ({ ...log, log: toHex(log.log) })),
    means: {
      operators: view.operators.map(({ log, name, rank, state }) => ({ log, name, rank, state })),
      nodes: [...view.nodes.values()].map((node) => ({
        id: node.id,
        name: node.name,
        naming: node.naming,
        state: node.state,
        labels: view.labelsOf(node.id),
      })),
    },
    stateHash: toHex(replica.stateHash()),
  };
}

function entryVectors({ mesh, alice, web1, entries }: Example): object {
  const [genesis, grant] = [entries[0]?.entry as Entry, entries[3]?.entry as Entry];
  const hlc = { ms: AT + 60_000, count: 3 };
  const chain = { mesh, log: web1, class: CLASS_AUDIT, head: null, hlc, seen: filled(0x5e), more: 0 };
  const first = composeLink(keys, chain, ascii("first"), signerOf("web-1"));
  const second = composeLink(
    keys,
    { ...chain, head: { seq: 1, hash: first.hash }, hlc: { ms: AT + 60_001, count: 0 } },
    ascii("second"),
    signerOf("web-1"),
  );
  const bare = sealEntry(keys, first.header, first.payload, () => []);
  const foreign = composeLink(keys, { ...chain, class: 200, log: alice, more: 7 }, ascii("later"), signerOf("alice"));
  const observed = composeObserved(keys, { mesh, log: web1, seq: 41, hlc }, encode({ v: 1 }), signerOf("web-1"));
  const good: [string, Entry][] = [
    ["genesis, signed by all its keys", genesis],
    ["grant", grant],
    ["first link of an audit chain", first],
    ["its successor", second],
    ["the first link without its own signature, covered by its successor", bare],
    ["a chain class that this release does not know, in a batch", foreign],
    ["observed record", observed],
  ];
  const { bytes } = second;
  const flip = (at: number, bits: number) => bytes.map((byte, i) => (i === at ? byte ^ bits : byte));
  const parents = (hashes: Uint8Array[]) =>
    signed("alice", { ...(grant.header as AuthorityHeader), parents: hashes }, grant.payload).bytes;
  const refused: [string, Uint8Array][] = [
    ["cut short", bytes.subarray(0, -1)],
    ["a byte too many", concat(bytes, filled(0, 1))],
    ["version 2", flip(0, 3)],
    ["kind 4", flip(1, 6)],
    ["a later link without predecessor", signed("web-1", { ...second.header, prev: ZERO_HASH }, second.payload).bytes],
    ["parents out of order", parents([filled(2), filled(1)])],
    ["a parent twice", parents([filled(1), filled(1)])],
    [
      "a type in capitals",
      signed("alice", { ...(grant.header as AuthorityHeader), type: "GRANT" }, grant.payload).bytes,
    ],
  ];
  return {
    about: "Entries by the byte: parse, hash, signature (docs/protocol/entries.md)",
    seeds: Object.fromEntries(Object.entries(SEEDS).map(([name, seed]) => [name, toHex(seed)])),
    keys: publicKeys(),
    entries: good.map(([name, entry]) => ({
      name,
      bytes: toHex(entry.bytes),
      hash: entry.id,
      signed: toHex(entry.signed),
      header: readable(entry.header as unknown as Plain),
      payload: toHex(entry.payload),
      signatures: entry.signatures.length,
    })),
    badSignature: {
      name: "last bit of the signature turned",
      bytes: toHex(flip(bytes.length - 1, 1)),
      hash: second.id,
    },
    refused: refused.map(([name, entry]) => ({ name, bytes: toHex(entry) })),
  };
}

async function ledgerVectors({ mesh, alice, web1 }: Example): Promise<object> {
  const cursor = new DocumentCursor(keys, alice);
  const server = `server/${toHex(web1)}`;
  const over = toHex(keys.hash(ascii("an entry of bob's")));
  const steps: readonly LedgerWrite[][] = [
    [
      { path: `${server}/label/web`, value: true, over: [] },
      { path: "label/web", value: { color: "red", weight: 2.5, big: 7_000_000_000, tiny: -1e-300 }, over: [] },
    ],
    [
      { path: "label/web", value: { color: "grün", list: [null, false, -64, 63, ""] }, over: [over] },
      { path: "secret/web/tls", value: {}, over: [] },
      { path: `${server}/label/web`, value: undefined, over: [] },
    ],
    [{ path: `${server}/attribute/region`, value: "eu", over: [] }],
  ];
  const updates: Uint8Array[] = [];
  let head: { seq: number; hash: Uint8Array } | null = null;
  const entries: object[] = [];
  for (const [i, writes] of steps.entries()) {
    const hlc = { ms: AT + 1000 * i, count: i };
    const firstClock = cursor.next;
    const update = cursor.encode(writes, hlc);
    cursor.advance(update, hlc);
    updates.push(update);
    const position = { mesh, log: alice, class: CLASS_DESIRED, head, hlc, seen: ZERO_HASH, more: 0 };
    const entry: Entry = composeLink(keys, position, update, signerOf("alice"));
    head = { seq: i + 1, hash: entry.hash };
    entries.push({
      bytes: toHex(entry.bytes),
      hash: entry.id,
      update: toHex(update),
      clock: [hlc.ms, hlc.count],
      firstClock,
      writes: writes.map((write) =>
        write.value === undefined ? { path: write.path, over: write.over } : { ...write },
      ),
    });
  }
  const last = updates[2] as Uint8Array;
  const hostile: [string, Uint8Array][] = [
    ["a replay", last],
    ["a byte too many", concat(updates[0] as Uint8Array, filled(0, 1))],
    ["struct count of 2^32", concat(Uint8Array.of(1, 0x80, 0x80, 0x80, 0x80, 0x10), last.subarray(2))],
    ["nothing", new Uint8Array(0)],
  ];
  return {
    about: "One author's ledger, entry by entry; `document` is what Yjs makes of it (docs/protocol/ledgers.md)",
    log: toHex(alice),
    client: cursor.client,
    entries,
    document: toHex(await ledgerDocument(updates, "vectors")),
    refusedNext: hostile.map(([name, update]) => ({ name, update: toHex(update) })),
  };
}

function tokenVectors({ mesh, token }: Example): object {
  const fields = {
    mesh,
    id: filled(0x77, 16),
    secret: filled(0x88),
    issuer: signerOf("nas-1").publicKey,
    addresses: ["192.0.2.10:7946", "[2001:db8::10]:7946"],
    expiresMs: AT + 3_600_000,
    name: "web-1",
  };
  const text = writeToken(keys, fields);
  const altered = `${text.slice(0, -1)}${text.endsWith("A") ? "B" : "A"}`;
  const web1 = signerOf("web-1");
  const message = joinMessage(mesh, web1.publicKey, sealOf("web-1"));
  return {
    about: "Join tokens and what goes with them (docs/protocol/tokens.md)",
    text,
    fields: readable(fields as unknown as Plain),
    secretHash: toHex(tokenSecretHash(keys, fields.secret)),
    entry: token.id,
    join: {
      key: toHex(web1.publicKey),
      seal: sealOf("web-1"),
      message: toHex(message),
      proof: toHex(web1.sign(message)),
    },
    refused: [altered, text.slice(0, -4), text.slice(1), `${text}=`, "lab1.", ""],
  };
}

function livenessVectors({ mesh }: Example): object {
  const keyOf = (name: Name) => toHex(signerOf(name).publicKey);
  const [nas, web] = [keyOf("nas-1"), keyOf("web-1")];
  const word = (name: Name, incarnation: number, status: Status, accusers: string[] = []): Word => {
    const own: OwnWord = status === "left" ? "left" : "alive";
    const signature = createVoice(keys, mesh, signerOf(name)).sign(own, incarnation);
    return { member: keyOf(name), incarnation, status, accusers, signature };
  };
  const words = [
    word("nas-1", AT, "alive"),
    word("web-1", AT + 1, "silent", [nas]),
    word("web-1", AT + 1, "unreachable"),
    word("web-1", 2 ** 48 - 1, "left"),
  ];
  const table = new Table(nas, AT);
  table.setMembers([web], 0);
  const entry = table.get(web);
  if (entry === undefined) throw new Error("web-1 is a member");
  table.set(entry, { incarnation: AT + 1, status: "unreachable" }, 0);
  const probe = { digest: table.digest, words: words.slice(1, 2), connection: "stays" } as const;
  return {
    about: "Own words, packed words, a digest and messages of the failure detector (docs/protocol/liveness.md)",
    mesh: toHex(mesh),
    keys: publicKeys(),
    own: (["alive", "left"] as const).map((status) => {
      const message = ownWordMessage(mesh, signerOf("nas-1").publicKey, status, AT);
      return { status, incarnation: AT, message: toHex(message), signature: toHex(signerOf("nas-1").sign(message)) };
    }),
    words: words.map((one) => ({ ...one, signature: toHex(one.signature), packed: toHex(packWords([one])) })),
    lines: table.lines(),
    digest: toHex(table.digest),
    messages: {
      probe: toHex(encodeProbe(probe)),
      "probe-for": toHex(encodeErrand({ member: web, mayDial: true, words: [] })),
      "compare-verdicts": toHex(encodeCompare(table.lines())),
      gossip: toHex(encodeVerdicts(packWords(words.slice(0, 1)))),
    },
  };
}

function publicKeys(): Json {
  const names = Object.keys(SEEDS) as Name[];
  return Object.fromEntries(names.map((name) => [name, toHex(signerOf(name).publicKey)]));
}

/** JSON with byte strings as `{"bytes": hex}`. */
function readable(value: Plain): Json {
  if (value instanceof Uint8Array) return { bytes: toHex(value) };
  if (Array.isArray(value)) return (value as Plain[]).map(readable);
  if (value === null || typeof value !== "object") return value as Json;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, readable(member as Plain)]));
}

/** All vectors, by file. */
export async function makeVectors(): Promise<Readonly<Record<string, object>>> {
  const example = await exampleMesh();
  return {
    "authority.json": authorityVectors(example),
    "entries.json": entryVectors(example),
    "liveness.json": livenessVectors(example),
    "ledgers.json": await ledgerVectors(example),
    "tokens.json": tokenVectors(example),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [name, content] of Object.entries(await makeVectors())) {
    writeFileSync(join(import.meta.dirname, "../test/vectors", name), `${JSON.stringify(content, null, 2)}\n`);
  }
}
