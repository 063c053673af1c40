import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostileUpdates } from "../../sim/hostile-updates.ts";
import { ascii, toBase64Url, toHex } from "../../src/core/bytes.ts";
import { decode, encode } from "../../src/core/encoding.ts";
import { decodeEnrolAnswer, encodeEnrolRequest, joinMessage } from "../../src/core/enrolment.ts";
import type { Hlc } from "../../src/core/hlc.ts";
import { serverLabelPath } from "../../src/core/paths.ts";
import type { Signer } from "../../src/core/ports/keys.ts";
import type { Link } from "../../src/core/ports/link.ts";
import { Secret } from "../../src/core/secret.ts";
import { decodeGetAnswer, encodeGetRequest } from "../../src/core/secrets/messages.ts";
import type { KnownBody } from "../../src/crdt/authority/bodies.ts";
import { composeAuthority, composeLink, composeObserved } from "../../src/crdt/compose.ts";
import { authorityDigest } from "../../src/crdt/replica.ts";
import { CLASS_AUDIT, CLASS_DESIRED, type Entry } from "../../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../../src/crdt/ledger/document-cursor.ts";
import { EVERYTHING, grantBody } from "../../src/operator/authority.ts";
import { Lab, type Machine, type ServerItem, until } from "./lab.ts";
import { keys, Mole, signAs, speaker, type Target, targetOf, unhex } from "./mole.ts";

const CHANNELS = [
  "sync",
  "api",
  "ping",
  "secret/get",
  "secret/put",
  "secret/list",
  "secret/fetch",
  "freshness/coordinator",
  "freshness/secret-store",
  "no-such-channel",
  "",
];

describe("among honest agents", () => {
  let lab: Lab;
  let honest: readonly Machine[];
  let nas: Machine;
  let web: Machine;
  let targets: readonly Target[];
  let mole: Mole;
  /** An operator who turned; her key was granted like any other. */
  let mallory: { readonly signer: Signer; readonly log: Uint8Array };
  const strangers: Link[] = [];

  beforeAll(async () => {
    lab = Lab.open();
    [nas, web] = [lab.machine("nas-1"), lab.machine("web-1")];
    honest = [nas, web];
    await nas.found();
    await web.join(await nas.token("--name", "web-1", "--labels", "web"));
    await nas.run(["apply", "-f", "-"], { input: "labels: { web: { secrets: [web/tls] } }\n" });
    await nas.run(["secret", "set", "web/tls"], { input: "a secret" });
    const signer = keys.signer(new Secret(new Uint8Array(randomBytes(32))));
    await signAs(nas, async (session) => {
      const { acts } = await session.sign({
        acts: [grantBody({ ...EVERYTHING, key: signer.publicKey, name: "mallory", rank: 2 }, Date.now())],
      });
      const [grant] = acts;
      if (grant === undefined) throw new Error("nothing was signed");
      mallory = { signer, log: grant.entry.hash };
    });
    const machine = lab.machine("mole-1", "nobody");
    await machine.run(["join", await nas.token("--name", "mole-1")]);
    await until("both know of the mole", async () => {
      const [one, other] = [await nas.status(), await web.status()];
      return one.members === 3 && one.stateHash === other.stateHash;
    });
    targets = await Promise.all(honest.map(targetOf));
    mole = await Mole.takeOver(machine);
    for (const target of targets) {
      await mole.meet(target);
      await mole.learnFrom(target);
    }
    expect(mole.replica.graph.logs.get(toHex(mallory.log))?.kind).toBe("operator");
    await heardByAll();
  });

  afterAll(async () => {
    for (const link of [mole?.link, ...strangers]) await link?.stop();
    await lab.close();
  });

  /** Everybody has heard what the mole has said by now: its newest report is shown. */
  async function heardByAll(): Promise<void> {
    const said = new Set<string>();
    await until(
      "a report that only gossip carries",
      async () => {
        said.add(mole.broadcastReport());
        const shown = await Promise.all(
          honest.map(async (machine) => (await machine.servers()).find(({ name }) => name === "mole-1")?.["release"]),
        );
        return shown.every((release) => said.has(String(release)));
      },
      { pollMs: 200 },
    );
  }

  /** What the machines are for everybody, without what each says about itself and when it was heard. */
  async function views(): Promise<unknown> {
    const seen = honest.map(async (machine) => {
      const facts = ({ name, id, labels, environment, region, provider, size, enrolled, identity }: ServerItem) => ({
        ...{ name, id, labels, environment, region, provider, size, enrolled, identity },
      });
      const { body } = await machine.ask("GET", "/v1/secrets");
      const servers = (await machine.servers()).map(facts);
      const roles = (await machine.servers()).filter(({ name }) => name !== "mole-1").map((server) => server.roles);
      return { stateHash: await machine.stateHash(), servers, roles, secrets: (body as { items: unknown }).items };
    });
    return Promise.all(seen);
  }

  /** Does it, lets it arrive everywhere, and looks whether anybody sees anything else than before. */
  async function changesNothing(act: () => Promise<void>): Promise<void> {
    const before = await views();
    await act();
    await heardByAll();
    expect(await views()).toEqual(before);
    expect(honest.map(({ isAlive }) => isAlive)).toEqual([true, true]);
  }

  const tipsOf = () => mole.replica.graph.tips.map(({ entry }) => entry.hash);
  const now = (): Hlc => ({ ms: Date.now(), count: 0 });
  /** Somebody's key in the header, and one's own hand on the pen. */
  const pretending = ({ publicKey }: Pick<Signer, "publicKey">): Signer => ({
    publicKey,
    sign: (message) => mole.signer.sign(message),
  });

  function authority(log: Uint8Array, body: KnownBody, signer: Signer = mole.signer): Entry {
    return composeAuthority(keys, { mesh: mole.mesh, log, parents: tipsOf() }, body, signer);
  }

  function founder(): { readonly log: Uint8Array; readonly publicKey: Uint8Array } {
    const operators = [...mole.replica.graph.logs].filter(([, { kind }]) => kind === "operator");
    const found = operators.find(([log]) => log !== toHex(mallory.log));
    if (found === undefined) throw new Error("there is no founder");
    return { log: unhex(found[0]), publicKey: unhex(found[1].key) };
  }

  /** A desired write that goes on where a log ends. */
  function write(log: Uint8Array, signer: Signer, path: string): Entry {
    const chain = mole.replica.chain(toHex(log), CLASS_DESIRED);
    const last = chain?.main.at(-1)?.entry;
    const head = last === undefined ? null : { seq: last.header.seq, hash: last.hash };
    const hlc = now();
    const cursor = chain?.documentAt(chain.main.at(-1) ?? null) ?? new DocumentCursor(keys, log);
    const payload = cursor.encode([{ path, value: true, over: [] }], hlc);
    const position = { mesh: mole.mesh, log, class: CLASS_DESIRED, head, hlc, seen: new Uint8Array(32), more: 0 };
    return composeLink(keys, position, payload, signer);
  }

  it("a member gives itself no role and no label, in its own name or in another's", async () => {
    const at = Date.now();
    const role: KnownBody = { type: "role", node: mole.log, label: "secret-store", at };
    const grant: KnownBody = grantBody({ ...EVERYTHING, key: mole.signer.publicKey, name: "mole", rank: 1 }, at);
    const label = serverLabelPath(toHex(mole.log), "web");
    const boss = founder();
    const forged = [
      authority(mole.log, role),
      authority(mole.log, grant),
      write(mole.log, mole.signer, label),
      authority(boss.log, role),
      authority(boss.log, grant),
      write(boss.log, mole.signer, label),
      authority(boss.log, role, pretending(boss)),
      authority(boss.log, grant, pretending(boss)),
      write(boss.log, pretending(boss), label),
      authority(mallory.log, role, pretending(mallory.signer)),
      authority(
        boss.log,
        { type: "cut", key: boss.publicKey, keeps: [], at } as unknown as KnownBody,
        pretending(boss),
      ),
    ];
    await changesNothing(() =>
      mole.spread(
        targets,
        forged.map(({ bytes }) => bytes),
      ),
    );
    // The refusal is said to whoever asks by the door that answers.
    const input = { entries: [toBase64Url((forged[0] as Entry).bytes)] };
    for (const target of targets) {
      const answer = decode(await mole.ask(target, "api", encode({ v: 1, operation: "entry.submit", input })));
      expect(answer).toMatchObject({ output: { results: [{ state: "refused" }] } });
    }
  });

  it("a member speaks for no other machine, and what it says about itself hides nobody", async () => {
    const node = (await nas.servers()).find(({ name }) => name === "web-1") as ServerItem;
    const report = { v: 1, release: "forged", addresses: ["127.0.0.1:1"], roles: [], os: "", arch: "" };
    const position = { mesh: mole.mesh, log: unhex(node.id), seq: 1_000_000, hlc: now() };
    const audit = { mesh: mole.mesh, log: mole.log, class: CLASS_AUDIT, head: null, seen: new Uint8Array(32), more: 0 };
    const unreadable = ascii("this is no record");
    const odd = encode({ v: 1, timeMs: 1e300, actor: "\u001b[2J", action: "x\ny", object: 7, decision: "maybe" });
    const first = composeLink(keys, { ...audit, hlc: now() }, unreadable, mole.signer);
    const head = { seq: 1, hash: first.hash };
    const entries = [
      composeObserved(keys, position, encode(report), mole.signer),
      first,
      composeLink(keys, { ...audit, head, hlc: { ms: Date.now(), count: 9 } }, odd, mole.signer),
    ];
    await changesNothing(() =>
      mole.spread(
        targets,
        entries.map(({ bytes }) => bytes),
      ),
    );
    for (const machine of honest) {
      expect((await machine.servers()).map((server) => server["release"])).not.toContain("forged");
      const list = await machine.run(["get", "audit"]);
      expect(list).toMatch(/mole-1 .*this record cannot be read/);
      expect(list).toContain("web-1");
      expect(list).not.toContain("\u001b");
    }
  });

  it("an operator's signature does not make a hostile update one that is read", async () => {
    const hlc = now();
    const cursor = new DocumentCursor(keys, mallory.log);
    const position = {
      ...{ mesh: mole.mesh, log: mallory.log, class: CLASS_DESIRED, head: null, hlc },
      ...{ seen: new Uint8Array(32), more: 0 },
    };
    const honestUpdate = cursor.encode([{ path: "label/meaningless", value: {}, over: [] }], hlc);
    const first = composeLink(keys, position, honestUpdate, mallory.signer);
    cursor.advance(first.payload, hlc);
    await mole.spread(targets, [first.bytes]);
    await heardByAll();
    const later = { ms: hlc.ms + 1, count: 0 };
    const path = serverLabelPath(toHex(mole.log), "web");
    const updates = hostileUpdates(cursor, later, path);
    expect(updates.length).toBeGreaterThan(20);
    const head = { seq: 1, hash: first.hash };
    const entries = updates.map((payload) =>
      composeLink(keys, { ...position, head, hlc: later }, payload, mallory.signer),
    );
    await changesNothing(() =>
      mole.spread(
        targets,
        entries.map(({ bytes }) => bytes),
      ),
    );
  });

  it("bytes without sense on any channel are answered with an error, and nobody falls", async () => {
    const bodies = [new Uint8Array(0), randomBytes(1), randomBytes(2000), new Uint8Array(1024 * 1024), encode([])];
    await changesNothing(async () => {
      for (const target of targets) {
        for (const channel of [...CHANNELS, "enrol"]) {
          for (const body of bodies) await mole.ask(target, channel, new Uint8Array(body)).catch(() => undefined);
        }
        for (const operation of ["secret.value", "event.stream", "openapi", "server.get", "nothing", 7]) {
          const input = { path: "web/tls", name: "nobody" };
          const answer = await mole.ask(target, "api", encode({ v: 1, operation, input }));
          expect(Buffer.from(answer).includes("a secret"), String(operation)).toBe(false);
          expect(decode(answer), String(operation)).toMatchObject({ error: { code: expect.any(String) as string } });
        }
      }
      for (let i = 0; i < 20; i++) mole.link.broadcast(new Uint8Array(randomBytes(500)));
    });
  });

  it("a member without the label gets no secret, however it asks", async () => {
    const [store] = targets as [Target];
    await mole.learnFrom(store);
    const { stateHash } = await nas.status();
    const answers: unknown[] = [];
    for (const path of ["web/tls", "web/none"]) {
      const request = encodeGetRequest({
        path,
        authority: authorityDigest(keys, mole.replica.graph),
        desired: unhex(stateHash),
      });
      answers.push(decodeGetAnswer(await mole.ask(store, "secret/get", request)));
    }
    expect(answers).toEqual([{ state: "none" }, { state: "none" }]);
    await expect(mole.ask(store, "secret/fetch", encode({ v: 1, path: "web/tls", version: "" }))).rejects.toThrow(/\w/);
    expect(await web.run(["secret", "get", "web/tls"])).toBe("a secret");
  });

  it("a stranger reaches enrolment and nothing else", async () => {
    const seed = new Uint8Array(randomBytes(32));
    const signer = keys.signer(new Secret(Uint8Array.from(seed)));
    const stranger = await speaker(seed, mole.mesh, () => new Uint8Array(0));
    strangers.push(stranger);
    await changesNothing(async () => {
      for (const { key, address } of targets) {
        await stranger.dial(key, [address], 10_000);
        for (const channel of CHANNELS) {
          const body = encode({
            q: "root",
            root: new Uint8Array(32),
            state: new Uint8Array(32),
            v: 1,
            operation: "server.list",
            input: {},
          });
          await expect(stranger.request(key, channel, body, 10_000), channel).rejects.toThrow(
            "not a member of this mesh",
          );
        }
      }
    });
    const [coordinator, other] = targets as [Target, Target];
    const knock = encodeEnrolRequest({
      tokenId: new Uint8Array(16),
      secret: new Uint8Array(32),
      seal: "age1nobody",
      proof: signer.sign(joinMessage(mole.mesh, signer.publicKey, "age1nobody")),
      name: "web-1",
    });
    const answer = decodeEnrolAnswer(await stranger.request(coordinator.key, "enrol", knock, 10_000));
    expect(answer).toMatchObject({ state: "refused", reason: "this mesh knows no such token" });
    await expect(stranger.request(other.key, "enrol", knock, 10_000)).rejects.toThrow("not a member of this mesh");
  });

  it("honest operators go on as before", async () => {
    await nas.run(["label", "server", "web-1", "still-here"]);
    await until("both have it", async () => {
      const all = await Promise.all(
        honest.map(async (machine) => (await machine.servers()).find(({ name }) => name === "web-1")),
      );
      return all.every((server) => server?.labels.includes("still-here"));
    });
    expect(await nas.stateHash()).toBe(await web.stateHash());
  });
});
