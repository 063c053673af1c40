import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeAudit } from "../src/core/audit.ts";
import { HLC_ZERO } from "../src/core/hlc.ts";
import { serverLabelPath, secretPath, secretVersionPath } from "../src/core/paths.ts";
import { sealEnvelope } from "../src/core/secrets/envelope.ts";
import { commitmentTo, writeVersion } from "../src/core/secrets/version.ts";
import { Secret } from "../src/core/secret.ts";
import { composeLink } from "../src/crdt/compose.ts";
import { CLASS_AUDIT } from "../src/crdt/entry/entry.ts";
import { createHome } from "../src/node/host.ts";
import { createKeys } from "../src/node/platform/keys.ts";
import { systemRandom } from "../src/node/platform/random.ts";
import { DocumentCursor } from "../src/crdt/ledger/document-cursor.ts";
import { enrolBody, foundMesh, signActs } from "../src/operator/authority.ts";
import { createRecoveryCode, recoveryKeys } from "../src/operator/recovery.ts";
import { seedSigner } from "../src/operator/signer.ts";
import { signWrites } from "../src/operator/write.ts";
import { atMost, type Figure } from "./figure.ts";
import { LAB } from "./fleet.ts";

const SERVERS = 100;
const LABELS_EACH = 5;
const SECRETS = 100;
/** A machine that reads a few secrets writes that down: some weeks of it. */
const AUDIT_EACH = 200;

/** The last copy of a mesh of 100 servers, from a Git repository into a new home with the recovery code. */
export async function backupFigures(): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), "lab-bench-backup-"));
  try {
    const paper = join(root, "paper");
    const home = join(root, "nas-1");
    const entries = await makeMesh(home, paper);
    const repository = join(root, "mesh.git");
    execFileSync("git", ["init", "--quiet", "--bare", repository]);
    const place = `git:${repository}`;
    const alive = { LAB_HOME: home, LAB_CONFIG: join(root, "alice") };
    lab(["agent", "--detach", "--listen", "127.0.0.1:0", "--no-mdns"], alive);
    const firstMs = timed(["backup", "create", place], alive);
    const nextMs = timed(["backup", "create", place], alive);
    lab(["agent", "stop"], alive);
    rmSync(home, { recursive: true });
    const rescue = { LAB_HOME: join(root, "rescue"), LAB_CONFIG: join(root, "bob") };
    const restoreMs = timed(
      ["backup", "restore", place, "--node", "rescue", "--all-gone", "--code", paper, "--yes"],
      rescue,
    );
    const what = `${entries} signed entries, ${SECRETS} secrets, a bare repository on this disk`;
    return [
      atMost(`restore of a mesh of ${SERVERS} servers from Git`, restoreMs / 1000, "s", 30, what),
      atMost("first backup of it to Git", firstMs / 1000, "s", 30, what),
      atMost("next backup of it, little new", nextMs / 1000, "s", 10, what),
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The home of the coordinator and store of a mesh that has lived for a while; returns how many entries it has. */
async function makeMesh(home: string, paper: string): Promise<number> {
  const [keys, random, nowMs] = [createKeys(), systemRandom(), Date.now()];
  const code = createRecoveryCode(random);
  writeFileSync(paper, code);
  const { root, seal } = await recoveryKeys(keys, code);
  const alice = seedSigner(keys, new Secret(random.bytes(32)));
  const [seed, nodeSeal] = [new Secret(random.bytes(32)), await keys.createSealIdentity()];
  const founded = await foundMesh(keys, random, {
    meshName: "attic",
    founder: { name: "alice", signer: alice },
    recovery: { root: seedSigner(keys, root), recipient: seal.recipient },
    node: { name: "nas-1", signer: keys.signer(seed), seal: nodeSeal.recipient },
    roles: ["coordinator", "secret-store"],
    writes: [],
    nowMs,
  });
  const { mesh, log, genesis } = founded;
  const [head] = founded.acts.slice(-1).map(({ entry }) => entry.hash);
  const machines = Array.from({ length: SERVERS - 1 }, () => keys.signer(new Secret(random.bytes(32))));
  const enrolments = await signActs(
    keys,
    alice,
    { mesh, log, parents: [head ?? mesh] },
    machines.map((signer, i) => enrolBody(mesh, { name: `web-${i}`, signer, seal: nodeSeal.recipient }, nowMs)),
  );
  const seen = keys.hash(mesh);
  const values = Array.from({ length: SECRETS }, (_, i) => {
    const committed = { nonce: random.bytes(32), value: new Secret(random.bytes(64)) };
    return { path: `web/secret-${i}`, committed, commitment: commitmentTo(keys, mesh, `web/secret-${i}`, committed) };
  });
  const links = await signWrites(
    keys,
    alice,
    {
      mesh,
      log,
      head: null,
      hlc: HLC_ZERO,
      cursor: new DocumentCursor(keys, log),
      newest: HLC_ZERO,
      nowMs,
      seen,
      others: {},
    },
    [
      ...enrolments.flatMap(({ entry }) =>
        Array.from({ length: LABELS_EACH }, (_, i) => ({ path: serverLabelPath(entry.id, `label-${i}`), value: true })),
      ),
      ...values.flatMap(({ path, commitment }) => [
        { path: secretPath(path), value: { type: "static" } },
        {
          path: secretVersionPath(path),
          value: writeVersion({
            ...{ class: "store", commitment, heads: seen, tips: [], restores: null, body: null },
            atMs: nowMs,
          }),
        },
      ]),
    ],
  );
  const recipients = [nodeSeal.recipient, seal.recipient].sort();
  const envelopes = await Promise.all(
    values.map(({ path, committed }) => {
      const wrote = links.find(({ writes }) => writes.some((write) => write.path === secretVersionPath(path)));
      const subject = { path, version: wrote?.entry.id ?? "", class: "store" };
      return sealEnvelope({ keys, random }, mesh, subject, committed, recipients);
    }),
  );
  const record = encodeAudit({
    timeMs: nowMs,
    actor: "node:nas-1",
    action: "secret.read",
    object: "web/secret-1",
    decision: "allowed",
    reason: "",
  });
  const audit = enrolments.flatMap(({ entry }, i) => {
    let tip: { seq: number; hash: Uint8Array } | null = null;
    return Array.from({ length: AUDIT_EACH }, (_, n) => {
      const position = { mesh, log: entry.hash, class: CLASS_AUDIT, head: tip, seen, more: 0 };
      const hlc = { ms: nowMs - 1_000_000 + n, count: 0 };
      const signer = machines[i] ?? keys.signer(seed);
      const link = composeLink(keys, { ...position, hlc }, record, signer);
      tip = { seq: link.header.seq, hash: link.hash };
      return link;
    });
  });
  const entries = [
    genesis,
    ...[...founded.acts, ...enrolments].map(({ entry }) => entry),
    ...links.map(({ entry }) => entry),
    ...audit,
  ];
  await createHome({
    home,
    node: { seed, seal: nodeSeal },
    mesh,
    name: "nas-1",
    entries: entries.map(({ bytes }) => bytes),
    envelopes,
  });
  return entries.length;
}

function timed(words: readonly string[], env: Readonly<Record<string, string>>): number {
  const begin = performance.now();
  lab(words, env);
  return performance.now() - begin;
}

function lab(words: readonly string[], env: Readonly<Record<string, string>>): void {
  const { status, stderr } = spawnSync(LAB, words, { env: { ...process.env, ...env }, encoding: "utf8" });
  if (status !== 0) throw new Error(`lab ${words.join(" ")}: ${stderr}`);
}
