import { randomBytes } from "node:crypto";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toHex } from "../../src/core/bytes.ts";
import { decode, encode } from "../../src/core/encoding.ts";
import { decodeEnrolAnswer, encodeEnrolRequest, joinMessage, readToken } from "../../src/core/enrolment.ts";
import { serverLabelPath } from "../../src/core/paths.ts";
import type { Link } from "../../src/core/ports/link.ts";
import { Secret } from "../../src/core/secret.ts";
import { composeAuthority, composeLink, composeObserved } from "../../src/crdt/compose.ts";
import { CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../../src/crdt/ledger/document-cursor.ts";
import { reportsOf } from "../../src/crdt/observed.ts";
import { encodeRequest } from "../../src/mesh/frames.ts";
import { readKeys } from "../../src/node/platform/home.ts";
import { Infiltration, now } from "./infiltration.ts";
import { Lab, type Machine, until } from "./lab.ts";
import { keys, speaker, type Target, targetOf } from "./mole.ts";

/* One row of the table of threats each, by a member in good standing or by an operator who turned, over real
   connections and at whole agents. What it gains is nothing, and the others go on. */

const MIB = 1024 * 1024;

describe("among honest agents, a member", () => {
  let lab: Lab;
  let all: Infiltration;
  const links: Link[] = [];

  beforeAll(async () => {
    lab = Lab.open();
    all = await Infiltration.begin(lab);
  });

  afterAll(async () => {
    for (const link of [all?.mole.link, ...links]) await link?.stop();
    await lab.close();
  });

  const labelsOf = async (machine: Machine, name: string) =>
    (await machine.servers()).find((server) => server.name === name)?.labels ?? [];

  /** What somebody signs still reaches every honest machine, at once. */
  async function expectService(label: string, withinMs = 5_000): Promise<void> {
    await all.nas.run(["label", "server", "web-1", label]);
    const holds = async () => (await labelsOf(all.web, "web-1")).includes(label);
    await until(`web-1 hears of ${label}`, holds, { withinMs });
  }

  async function metric(machine: Machine, name: string): Promise<number> {
    const { body } = await machine.ask("GET", "/metrics");
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(body as string)?.[1]);
  }

  it("who replays everything, twice and backwards, old reports of others among it, changes nothing", async () => {
    const { mole, targets } = all;
    const webLog = (await all.nas.servers()).find(({ name }) => name === "web-1")?.id as string;
    await mole.learnFrom(targets[0] as Target);
    const old = reportsOf(mole.replica.observed.get(webLog)!).map(({ bytes }) => bytes);
    // web-1 says something new of itself, and the old word comes again.
    await all.nas.run(["label", "server", "web-1", "secret-store"]);
    await until("web-1 runs the role, and nas-1 sees it", async () =>
      (await all.nas.servers()).some(({ name, roles }) => name === "web-1" && roles.includes("secret-store")),
    );
    await mole.learnFrom(targets[0] as Target);
    const entries = [
      ...mole.replica.graph.entries.map(({ entry }) => entry.bytes),
      ...[...mole.replica.chains.values()].flatMap(({ main }) => main.map(({ entry }) => entry.bytes)),
      ...old,
    ];
    expect(old.length).toBeGreaterThan(0);
    await all.changesNothing(async () => {
      await mole.spread(targets, entries);
      await mole.spread(targets, entries.toReversed());
    });
  });

  it("who forks the ledger of an operator shows two histories, the same ones to everybody", async () => {
    const { mole, mallory, targets } = all;
    const cursor = new DocumentCursor(keys, mallory.log);
    const hlc = now();
    const position = {
      ...{ mesh: mole.mesh, log: mallory.log, class: CLASS_DESIRED, head: null, hlc },
      ...{ seen: new Uint8Array(32), more: 0 },
    };
    const branch = (label: string) =>
      composeLink(
        keys,
        position,
        cursor.encode([{ path: serverLabelPath(toHex(mole.log), label), value: true, over: [] }], hlc),
        mallory.signer,
      );
    const [left, right] = [branch("left"), branch("right")];
    // Each is told another story.
    const give = (target: Target, bytes: Uint8Array) =>
      mole.ask(target, "sync", encode({ q: "give", entries: [bytes] }));
    await give(targets[0] as Target, left.bytes);
    await give(targets[1] as Target, right.bytes);
    await until("both show the fork", async () => {
      const states = await Promise.all(all.honest.map((machine) => machine.status()));
      const told = states.map(({ warnings }) => (warnings as string[]).some((text) => text.includes("two histories")));
      return told.every(Boolean) && states[0]?.stateHash === states[1]?.stateHash;
    });
    for (const machine of all.honest) {
      expect((await labelsOf(machine, "mole-1")).filter((label) => label === "left" || label === "right")).toEqual([]);
    }
    await expectService("after-the-fork");
  });

  it("who back-dates what a removed operator signs moves nothing, whatever it claims to have seen", async () => {
    const { mole, mallory, targets, nas } = all;
    const before = all.tips();
    await nas.run(["operator", "remove", "mallory", "--reason", "turned", "--yes"]);
    await until("all know of it", async () => {
      const lists = await Promise.all(all.honest.map((machine) => machine.run(["get", "operators"])));
      return lists.every((list) => /mallory .*cut/.test(list));
    });
    const backDated = [
      composeAuthority(
        keys,
        { mesh: mole.mesh, log: mallory.log, parents: before },
        { type: "role", node: mole.log, label: "secret-store", at: Date.now() - 86_400_000 },
        mallory.signer,
      ),
      composeLink(
        keys,
        {
          ...{ mesh: mole.mesh, log: mallory.log, class: CLASS_DESIRED, head: null },
          ...{ hlc: { ms: Date.now() - 86_400_000, count: 0 }, seen: new Uint8Array(32), more: 0 },
        },
        new DocumentCursor(keys, mallory.log).encode(
          [{ path: serverLabelPath(toHex(mole.log), "back-dated"), value: true, over: [] }],
          { ms: Date.now() - 86_400_000, count: 0 },
        ),
        mallory.signer,
      ),
    ];
    await mole.spread(
      targets,
      backDated.map(({ bytes }) => bytes),
    );
    await all.heardByAll();
    for (const machine of all.honest) {
      const seen = (await machine.servers()).find(({ name }) => name === "mole-1");
      expect(seen).toMatchObject({ labels: [], roles: [] });
    }
    await expectService("after-the-cut");
  });

  it("who withholds what it has, and says that nothing is new, keeps it from nobody", async () => {
    const { web, nas, mole, targets } = all;
    await web.killAgent();
    await nas.run(["label", "server", "web-1", "withheld"]);
    // Gossip of this is over; web-1 can only ask, and the mole is there first.
    await web.startAgent();
    await mole.meet({ ...(targets[1] as Target), address: (await targetOf(web)).address }).catch(() => undefined);
    await until("web-1 has it from nas-1", async () => (await labelsOf(web, "web-1")).includes("withheld"));
    expect(await web.stateHash()).toBe(await nas.stateHash());
  });

  it("who lies about its tree, and has ever more to give, ends no round but its own", async () => {
    const machine = lab.machine("liar-1", "nobody");
    await machine.run(["join", await all.nas.token("--name", "liar-1")]);
    await until("web-1 knows of the liar", async () => (await all.web.status()).members === 4);
    const own = (await readKeys(machine.home))!;
    let asked = 0;
    const hash = () => new Uint8Array(randomBytes(32));
    const hashes = (count: number) => Array.from({ length: count }, hash);
    const lies = (body: Uint8Array) => {
      asked++;
      const { q, places } = decode(body) as { q?: string; places?: unknown[] };
      switch (q) {
        case "root":
          return encode({ root: hash(), state: hash(), children: hashes(16) });
        // Ever deeper, and at last entries that nobody has.
        case "walk":
          return encode({
            nodes: (places ?? []).map((_, i) =>
              asked % 8 > 0
                ? { children: hashes(16) }
                : {
                    items: hashes(16)
                      .map((id) => [1, id])
                      .slice(0, 1 + (i % 2)),
                  },
            ),
          });
        case "want":
          return encode({ entries: hashes(2), more: true });
        default:
          return encode({});
      }
    };
    const liar = await speaker(own.seed.reveal(), all.mole.mesh, lies);
    links.push(liar);
    const beforeBytes = await metric(all.nas, "process_resident_memory_bytes");
    for (const { key, address } of all.targets) await liar.dial(key, [address], 10_000).catch(() => undefined);
    await until("it was asked again and again", () => asked > 20, { withinMs: 40_000 });
    await expectService("among-lies");
    // What was forked above is told; whoever answers nonsense keeps nobody from it.
    expect((await all.nas.try(["audit", "verify"])).stderr).not.toMatch(/failed to answer/);
    expect(await metric(all.nas, "lab_replica_parked_entries")).toBeLessThanOrEqual(1024);
    expect((await metric(all.nas, "process_resident_memory_bytes")) - beforeBytes).toBeLessThan(128 * MIB);
    expect(await all.nas.stateHash()).toBe(await all.web.stateHash());
    await liar.stop();
  }, 90_000);

  it("who floods by gossip and by questions takes no memory, and keeps nobody from being heard", async () => {
    const { mole, targets } = all;
    const beforeBytes = await metric(all.nas, "process_resident_memory_bytes");
    const questions: Promise<unknown>[] = [];
    for (let i = 0; i < 3_000; i++) {
      mole.link.broadcast(encode({ k: "entries", e: [new Uint8Array(randomBytes(2_000))] }));
      if (i % 2 === 0)
        questions.push(mole.ask(targets[0] as Target, "sync", encode({ q: "root" })).catch(() => undefined));
      if (i % 100 === 0) await new Promise(setImmediate);
    }
    await expectService("in-the-flood", 15_000);
    await Promise.all(questions);
    expect(await metric(all.nas, "lab_mesh_queued_bytes")).toBeLessThanOrEqual(4 * MIB);
    expect((await metric(all.nas, "process_resident_memory_bytes")) - beforeBytes).toBeLessThan(192 * MIB);
    await expectService("after-the-flood");
  }, 90_000);

  it("or several who race for a token: it is good for one of them", async () => {
    for (let race = 0; race < 5; race++) {
      const token = readToken(keys, await all.nas.token("--name", `raced-${race}`));
      const racers = await Promise.all(
        Array.from({ length: 6 }, async () => {
          const seed = new Uint8Array(randomBytes(32));
          const link = await speaker(Uint8Array.from(seed), all.mole.mesh, () => new Uint8Array(0));
          links.push(link);
          await link.dial(toHex(token.issuer), token.addresses, 10_000);
          return { link, signer: keys.signer(new Secret(seed)) };
        }),
      );
      const knock = racers.map(async ({ link, signer }) => {
        const { recipient } = await keys.createSealIdentity();
        const proof = signer.sign(joinMessage(all.mole.mesh, signer.publicKey, recipient));
        const request = { tokenId: token.id, secret: token.secret, seal: recipient, proof, name: null, after: 0 };
        return decodeEnrolAnswer(await link.request(toHex(token.issuer), "enrol", encodeEnrolRequest(request), 10_000));
      });
      const answers = await Promise.all(knock);
      expect(answers.filter(({ state }) => state === "enrolled")).toHaveLength(1);
      expect((await all.nas.servers()).filter(({ name }) => name.startsWith(`raced-${race}`))).toHaveLength(1);
      for (const { link } of racers) await link.stop();
    }
  }, 60_000);

  it("who sends what is too large or never ends, and answers without end, is cut off where it does", async () => {
    const machine = lab.machine("endless-1", "nobody");
    await machine.run(["join", await all.nas.token("--name", "endless-1")]);
    const own = (await readKeys(machine.home))!;
    const seed = own.seed.reveal();
    const [nas] = all.targets as [Target];
    const protocol = `/lab/1/${toHex(all.mole.mesh).slice(0, 16)}/request`;
    const node: Libp2p = await createLibp2p({
      privateKey: await generateKeyPairFromSeed("Ed25519", seed),
      addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
    });
    try {
      // Whatever it is asked, it answers with a frame of the largest size, a byte at a time, for ever.
      let answered = 0;
      await node.handle(protocol, (stream) => {
        answered++;
        stream.send(new Uint8Array([0, 0x3f, 0xff, 0xff, 0]));
        const drip = setInterval(() => {
          if (stream.status === "open") stream.send(new Uint8Array(1));
          else clearInterval(drip);
        }, 500);
      });
      const beforeBytes = await metric(all.nas, "process_resident_memory_bytes");
      const [host, port] = nas.address.split(":");
      const connection = await node.dial(multiaddr(`/ip4/${host}/tcp/${port}`));
      const streams: Stream[] = [];
      const send = async (head: Uint8Array, bytes: number) => {
        const stream = await connection.newStream(protocol);
        streams.push(stream);
        stream.send(head);
        for (let sent = 0; sent < bytes && stream.status === "open"; sent += 64 * 1024) {
          if (!stream.send(new Uint8Array(64 * 1024))) await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      await send(new Uint8Array([255, 255, 255, 255]), 0);
      await until("what is announced too large is reset", () => streams[0]!.status !== "open");
      // More than it said: the frame is over, and what follows is refused.
      const whole = encodeRequest({ channel: "ping", body: new Uint8Array(0) });
      await send(whole, 32 * MIB).catch(() => undefined);
      for (let i = 0; i < 12; i++) await send(new Uint8Array([0, 0x3f, 0, 0]), MIB).catch(() => undefined);
      await until("it is asked by nas-1", () => answered > 0);
      await expectService("beside-the-endless");
      expect((await metric(all.nas, "process_resident_memory_bytes")) - beforeBytes).toBeLessThan(128 * MIB);
      expect(await metric(all.nas, "lab_link_streams")).toBeLessThan(256 + 32);
    } finally {
      await node.stop();
    }
  }, 90_000);

  it("who says two things of itself at once is believed neither, and hides nobody else", async () => {
    const { mole, targets } = all;
    const report = (release: string) =>
      composeObserved(
        keys,
        { mesh: mole.mesh, log: mole.log, seq: 9_000, hlc: now() },
        encode({ v: 1, release, addresses: [], roles: [], os: "", arch: "" }),
        mole.signer,
      );
    await mole.spread([targets[0] as Target], [report("left").bytes]);
    await mole.spread([targets[1] as Target], [report("right").bytes]);
    await until("nobody shows either", async () => {
      const lists = await Promise.all(all.honest.map((machine) => machine.servers()));
      const shown = lists.map((list) => list.find(({ name }) => name === "mole-1")?.["release"]);
      return shown.every((release) => release !== "left" && release !== "right");
    });
    await expectService("at-the-end");
    expect(all.honest.map(({ isAlive }) => isAlive)).toEqual([true, true]);
  });
});
