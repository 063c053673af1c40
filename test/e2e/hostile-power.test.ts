import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ascii, toHex } from "../../src/core/bytes.ts";
import { joinMessage, tokenSecretHash } from "../../src/core/enrolment.ts";
import { serverAttributePath } from "../../src/core/paths.ts";
import { Secret } from "../../src/core/secret.ts";
import { decodeEnvelope, type Envelope, openEnvelope } from "../../src/core/secrets/envelope.ts";
import {
  decodeGetRequest,
  encodeGetAnswer,
  encodePutAnswer,
  encodeServed,
  GET_CHANNEL,
  PUT_CHANNEL,
} from "../../src/core/secrets/messages.ts";
import { type Committed, COMMITMENT_NONCE_BYTES, currentVersion } from "../../src/core/secrets/version.ts";
import type { KnownBody, RedeemBody, TokenBody } from "../../src/crdt/authority/bodies.ts";
import { composeLink } from "../../src/crdt/compose.ts";
import { CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../../src/crdt/ledger/document-cursor.ts";
import { EVERYTHING, grantBody } from "../../src/operator/authority.ts";
import { Infiltration } from "./infiltration.ts";
import { Lab, type Machine, type ServerItem, until } from "./lab.ts";
import { keys, signAs, type Target, unhex } from "./mole.ts";

/* Rows of the table of threats whose attacker has a power of its own: an operator's key, a coordinator, a secret store.
   Each by somebody over real connections, at whole agents; what the power gives it does, and nothing else. */

const YEAR_MS = 365 * 86_400_000;

describe("among honest agents", () => {
  let lab: Lab;
  let all: Infiltration;

  beforeAll(async () => {
    lab = Lab.open();
    all = await Infiltration.begin(lab);
  });

  afterAll(async () => {
    await all?.mole.link.stop();
    await lab.close();
  });

  const itemOf = async (machine: Machine, name: string) =>
    (await machine.servers()).find((server) => server.name === name) as ServerItem;
  const operators = async (machine: Machine) => {
    const list = await machine.json<{ items: readonly { name: string; rank: number; state: string }[] }>(
      "get",
      "operators",
    );
    return list.items.map(({ name, rank, state }) => `${name} ${rank} ${state}`).sort();
  };
  const everybodyShows = async (environment: string | null) =>
    (await Promise.all(all.honest.map((machine) => itemOf(machine, "web-1")))).every(
      (server) => server.environment === environment,
    );

  async function spread(
    ...bodies: readonly (readonly [log: Uint8Array, body: KnownBody, signer?: typeof all.mole.signer])[]
  ) {
    const entries = bodies.map(([log, body, signer]) => all.authority(log, body, signer).bytes);
    await all.mole.spread(all.targets, entries);
    await all.heardByAll();
  }

  it("a stolen key removes no equal and no senior, lets in nobody above it, and is not two keys", async () => {
    const { mallory, mole } = all;
    const [boss, at] = [all.founder(), Date.now()];
    const dave = keys.signer(new Secret(new Uint8Array(randomBytes(32))));
    let davesLog = new Uint8Array(32);
    await signAs(all.nas, async (session) => {
      const grant = { ...EVERYTHING, key: dave.publicKey, name: "dave", rank: 2, need: { admin: 2, destroy: 1 } };
      const { acts } = await session.sign({ acts: [grantBody(grant, at)] });
      davesLog = Uint8Array.from(acts[0]?.entry.hash ?? []);
    });
    await until("all know dave", async () =>
      (await Promise.all(all.honest.map(operators))).every((list) => list.includes("dave 2 live")),
    );
    for (const target of all.targets) await mole.learnFrom(target);
    const before = await Promise.all(all.honest.map(operators));
    const cut = (key: Uint8Array): KnownBody => ({ type: "cut", key, keeps: [], reason: "", at });
    const role: KnownBody = { type: "role", node: mole.log, label: "secret-store", at };
    const accomplice = keys.signer(new Secret(new Uint8Array(randomBytes(32)))).publicKey;
    const act = all.authority(davesLog, role, dave);
    await mole.spread(all.targets, [act.bytes]);
    await spread(
      [mallory.log, cut(boss.publicKey), mallory.signer],
      [mallory.log, cut(dave.publicKey), mallory.signer],
      [mallory.log, cut(mallory.signer.publicKey), mallory.signer],
      [mallory.log, grantBody({ ...EVERYTHING, key: accomplice, name: "evil", rank: 1 }, at), mallory.signer],
      [davesLog, { type: "approve", entry: act.hash }, dave],
    );
    expect(await Promise.all(all.honest.map(operators))).toEqual(before);
    for (const machine of all.honest) expect((await itemOf(machine, "mole-1")).roles).toEqual([]);
    expect(await all.nas.run(["get", "approvals"])).toContain("dave");
  });

  it("a key under which every signature is good is let in by nobody, whoever signs for it", async () => {
    const { mallory } = all;
    // The neutral element, and a point of order two.
    const weak = [
      Uint8Array.of(1, ...new Uint8Array(31)),
      Uint8Array.from([0xec, ...new Uint8Array(30).fill(0xff), 0x7f]),
    ];
    await all.changesNothing(async () => {
      for (const key of weak) {
        const at = Date.now();
        const enrol: KnownBody = {
          type: "enrol",
          name: "weak-1",
          key,
          seal: all.mole.seal.recipient,
          proof: new Uint8Array(64),
          at,
        };
        const grant = grantBody({ ...EVERYTHING, key, name: "weak", rank: 3 }, at);
        await all.mole.spread(
          all.targets,
          [grant, enrol].map((body) => all.authority(mallory.log, body, mallory.signer).bytes),
        );
      }
    });
    for (const machine of all.honest) expect((await operators(machine)).filter((one) => /weak/.test(one))).toEqual([]);
  });

  it("a coordinator lets in whom a token names, and nobody of its own invention", async () => {
    const { mole, nas } = all;
    await nas.run(["label", "server", "mole-1", "coordinator"]);
    await until("web-1 knows it", async () => (await itemOf(all.web, "mole-1")).labels.includes("coordinator"));
    for (const target of all.targets) await mole.learnFrom(target);
    const roleLog = unhex(mole.replica.view().roleLog(toHex(mole.log), "coordinator") ?? "");
    const nasId = (await itemOf(nas, "nas-1")).id ?? "";
    const nasLog = unhex(mole.replica.view().roleLog(nasId, "coordinator") ?? "");
    const at = Date.now();
    const token = (name: string, issuer: Uint8Array): TokenBody => ({
      type: "token",
      id: new Uint8Array(randomBytes(16)),
      secretHash: tokenSecretHash(keys, new Uint8Array(randomBytes(32))),
      ...{ name, labels: ["web"], attributes: {}, roles: [], issuer, nbf: at - 60_000, exp: at + 3_600_000, at },
    });
    const tokens: Uint8Array[] = [];
    await signAs(nas, async (session) => {
      const { acts } = await session.sign({ acts: [token("asked-1", roleLog), token("other-1", nasLog)] });
      tokens.push(...acts.map(({ entry }) => entry.hash));
    });
    await until("the mole knows the tokens", async () => {
      await mole.learnFrom(all.targets[0] as Target);
      return mole.replica.graph.find(toHex(tokens[1] ?? mole.log)) !== undefined;
    });
    const redeem = async (entry: Uint8Array, name: string): Promise<RedeemBody> => {
      const signer = keys.signer(new Secret(new Uint8Array(randomBytes(32))));
      const { recipient: seal } = await keys.createSealIdentity();
      const proof = signer.sign(joinMessage(mole.mesh, signer.publicKey, seal));
      return { type: "redeem", token: entry, name, key: signer.publicKey, seal, proof, at };
    };
    const [own = mole.log, others = mole.log] = tokens;
    const stolen = await redeem(own, "asked-1");
    const invented: KnownBody[] = [
      await redeem(own, "chosen-1"),
      await redeem(others, "other-1"),
      await redeem(new Uint8Array(randomBytes(32)), "none-1"),
      { ...stolen, key: keys.signer(new Secret(new Uint8Array(randomBytes(32)))).publicKey },
      token("again-1", roleLog),
      { type: "enrol", name: "mine-1", key: mole.signer.publicKey, seal: mole.seal.recipient, proof: stolen.proof, at },
      { type: "role", node: mole.log, label: "secret-store", at },
      grantBody({ ...EVERYTHING, key: mole.signer.publicKey, name: "mole", rank: 2 }, at),
    ];
    await all.changesNothing(() =>
      mole.spread(
        all.targets,
        invented.map((body) => all.authority(roleLog, body).bytes),
      ),
    );
    await spread([roleLog, stolen]);
    for (const machine of all.honest) {
      await until("the one that was asked for is in", async () =>
        (await itemOf(machine, "asked-1"))?.labels.includes("web"),
      );
      const names = (await machine.servers()).map(({ name }) => name).sort();
      expect(names).toEqual(["asked-1", "mole-1", "nas-1", "web-1"]);
    }
    expect(await all.web.run(["secret", "get", "web/tls"])).toBe("a secret");
  });

  it("a store makes nobody believe a value of its own, nor an older one, and a reader has the right one from the next", async () => {
    const { mole, nas, web } = all;
    const given: { readonly envelope: Envelope; readonly committed: Committed }[] = [];
    const told = new Set<string>();
    mole.purposes.set(PUT_CHANNEL, async (body) => {
      const envelope = decodeEnvelope(body);
      const committed = await openEnvelope(keys, mole.seal, mole.mesh, envelope);
      if (committed !== null) given.push({ envelope, committed });
      return encodePutAnswer({ stored: true });
    });
    mole.purposes.set(GET_CHANNEL, async (body, _channel, peer) => {
      const { path } = decodeGetRequest(body);
      const view = mole.replica.view();
      const [seal, current, old] = [view.nodeByKey(peer)?.seal, currentVersion(view, path), given[0]];
      if (seal === undefined || current === undefined || old === undefined) throw new Error("no");
      const own = { nonce: new Uint8Array(randomBytes(COMMITMENT_NONCE_BYTES)), value: new Secret(ascii("invented")) };
      const lies: readonly (readonly [what: string, version: string, content: Committed])[] = [
        ["its own", current.version, own],
        ["altered", current.version, { nonce: old.committed.nonce, value: new Secret(ascii("altered")) }],
        ["old as the current one", current.version, old.committed],
        ["old", old.envelope.version, old.committed],
      ];
      const [what, version, content] = lies[told.size % lies.length] as (typeof lies)[number];
      told.add(what);
      const sealed = await keys.seal([seal], encodeServed({ path, version, content }));
      return encodeGetAnswer({ state: "value", sealed, vouched: "fresh" });
    });
    await nas.run(["label", "server", "mole-1", "secret-store"]);
    await until("web-1 knows it", async () => (await itemOf(web, "mole-1")).labels.includes("secret-store"));
    for (const target of all.targets) await mole.meet(target).catch(() => undefined);
    await nas.run(["secret", "set", "web/tls"], { input: "an old one" });
    await until("web-1 has it", async () => (await web.run(["secret", "get", "web/tls"])) === "an old one");
    await until("the mole was given it", () => given.length > 0);

    await web.killAgent();
    await nas.run(["secret", "set", "web/tls"], { input: "the new one" });
    await mole.learnFrom(all.targets[0] as Target);
    const version = currentVersion(mole.replica.view(), "web/tls")?.version;
    expect(version).not.toBe(given[0]?.envelope.version);
    const home = await nas.stateHash();
    await nas.killAgent();
    await web.startAgent();
    const target = { key: (all.targets[1] as Target).key, address: await addressOf(web) };
    await mole.meet(target);
    const chains = [...mole.replica.chains.values()].flatMap(({ main }) => main.map(({ entry }) => entry.bytes));
    await mole.spread([target], [...mole.replica.graph.entries.map(({ entry }) => entry.bytes), ...chains]);
    await until("web-1 knows of the new value", async () => (await web.stateHash()) === home);
    await until(
      "each lie was told",
      async () => {
        await mole.meet(target).catch(() => undefined);
        expect(await web.run(["secret", "get", "web/tls"])).toBe("an old one");
        return told.size === 4;
      },
      { withinMs: 60_000, pollMs: 250 },
    );
    await nas.startAgent();
    await until("web-1 has the new one", async () => (await web.run(["secret", "get", "web/tls"])) === "the new one", {
      withinMs: 70_000,
    });
  }, 180_000);

  it("a key that signs far ahead wins until somebody has seen it, and outlives no cut", async () => {
    const { mole, mallory, nas, web } = all;
    const targets = [
      { ...(all.targets[0] as Target), address: await addressOf(nas) },
      { ...(all.targets[1] as Target), address: await addressOf(web) },
    ];
    const path = serverAttributePath((await itemOf(nas, "web-1")).id ?? "", "environment");
    const cursor = new DocumentCursor(keys, mallory.log);
    let head: { seq: number; hash: Uint8Array } | null = null;
    const writeAhead = async (years: number, value: string) => {
      const hlc = { ms: Date.now() + years * YEAR_MS, count: 0 };
      const payload = cursor.encode([{ path, value, over: [] }], hlc);
      const position = {
        mesh: mole.mesh,
        log: mallory.log,
        class: CLASS_DESIRED,
        head,
        hlc,
        seen: new Uint8Array(32),
        more: 0,
      };
      const link = composeLink(keys, position, payload, mallory.signer);
      cursor.advance(link.payload, hlc);
      head = { seq: (head?.seq ?? 0) + 1, hash: link.hash };
      for (const target of targets) {
        await mole.meet(target).catch(() => undefined);
        await mole.spread([target], [link.bytes]);
      }
    };
    await nas.run(["set", "server", "web-1", "environment=prod"]);
    await until("all show prod", () => everybodyShows("prod"));
    await writeAhead(10, "theirs");
    await until("the clock wins while nobody has seen it", () => everybodyShows("theirs"));
    await nas.run(["set", "server", "web-1", "environment=ours"]);
    await until("what has seen it wins", () => everybodyShows("ours"));
    await writeAhead(20, "theirs-again");
    await until("another one that nobody has seen wins", () => everybodyShows("theirs-again"));
    await nas.run(["operator", "remove", "mallory", "--from", "1h", "--yes"]);
    await until("nothing of it outlives the cut", () => everybodyShows("ours"));
    await writeAhead(30, "theirs-at-last");
    await nas.run(["label", "server", "web-1", "after"]);
    await until("web-1 has heard what came after it", async () =>
      (await itemOf(web, "web-1")).labels.includes("after"),
    );
    expect(await everybodyShows("ours")).toBe(true);
    expect(await nas.stateHash()).toBe(await web.stateHash());
  });

  async function addressOf(machine: Machine): Promise<string> {
    const found: string[] = [];
    await until(`${machine.name} says where it listens now`, async () => {
      const { addresses } = (await itemOf(machine, machine.name)) as unknown as { addresses: string[] };
      found.splice(0, found.length, ...addresses);
      return found.length > 0;
    });
    return found[0] as string;
  }
});
