import { randomBytes } from "node:crypto";
import { seededRandom } from "../../sim/random.ts";
import { SimDisk } from "../../sim/disk.ts";
import { fromHex, toBase64Url, toHex } from "../../src/core/bytes.ts";
import { encode, type Plain } from "../../src/core/encoding.ts";
import type { Link } from "../../src/core/ports/link.ts";
import type { SealIdentity, Signer } from "../../src/core/ports/keys.ts";
import { NO_CLAIMS } from "../../src/core/alarms/claims.ts";
import { encodeReport } from "../../src/core/report.ts";
import { Secret } from "../../src/core/secret.ts";
import { composeObserved } from "../../src/crdt/compose.ts";
import { Replica } from "../../src/crdt/replica.ts";
import { ReplicaExchange } from "../../src/crdt/sync/exchange.ts";
import { encodeEntries } from "../../src/mesh/gossip-message.ts";
import { createLibp2pLink } from "../../src/mesh/libp2p/link.ts";
import { readHome, readKeys } from "../../src/node/platform/home.ts";
import { systemInterfaces } from "../../src/node/platform/interfaces.ts";
import { createKeys } from "../../src/node/platform/keys.ts";
import { openSession, type Session } from "../../src/operator/session.ts";
import { seedSigner } from "../../src/operator/signer.ts";
import type { Machine } from "./lab.ts";
import { until } from "./until.ts";

export const keys = createKeys();

const TIMEOUT_MS = 10_000;

/** Where an honest agent is found: by its key, as every member knows. */
export interface Target {
  readonly key: string;
  readonly address: string;
}

export async function targetOf(machine: Machine): Promise<Target> {
  const found: Target[] = [];
  await until(`${machine.name} has said where it listens`, async () => {
    const item = (await machine.servers()).find(({ name }) => name === machine.name);
    const { key, addresses } = item as unknown as { key: string; addresses: string[] };
    found.push(...addresses.map((address) => ({ key, address })));
    return found.length > 0;
  });
  return found[0] as Target;
}

/** What somebody says to a question of others. */
export type Answers = (body: Uint8Array, channel: string, peer: string) => Uint8Array | Promise<Uint8Array>;

/** Somebody on the network with a key and no manners. Says to every question of others what it pleases. */
export async function speaker(
  seed: Uint8Array,
  mesh: Uint8Array,
  answers: Answers,
  psk: Uint8Array | null = null,
): Promise<Link> {
  const link = await createLibp2pLink({
    seed: new Secret(seed),
    meshId: toHex(mesh),
    listen: ["127.0.0.1:0"],
    interfaces: systemInterfaces(),
    mdns: false,
    log: { write: () => undefined },
    ...(psk === null ? {} : { psk: new Secret(psk) }),
  });
  await link.start({
    standing: () => "member",
    opened: () => undefined,
    closed: () => undefined,
    request: async (peer, channel, body) => (channel === "probe" ? new Uint8Array(0) : answers(body, channel, peer)),
    broadcast: () => "taken",
    discovered: () => undefined,
  });
  return link;
}

/** A member in good standing whose machine somebody has taken over: its keys are real, its program is not ours. */
export class Mole {
  readonly link: Link;
  readonly signer: Signer;
  /** Of its node. */
  readonly log: Uint8Array;
  readonly mesh: Uint8Array;
  /** What an honest member would know. */
  readonly replica: Replica;
  /** Opens what was sealed to its node. */
  readonly seal: SealIdentity;
  /** What it says with a purpose, by channel; to all else it says nonsense. */
  readonly purposes = new Map<string, Answers>();
  #reports = 0;

  private constructor(
    link: Link,
    { signer, seal }: { readonly signer: Signer; readonly seal: SealIdentity },
    log: Uint8Array,
    mesh: Uint8Array,
  ) {
    this.link = link;
    this.seal = seal;
    this.signer = signer;
    this.log = log;
    this.mesh = mesh;
    this.replica = new Replica(keys, mesh, new SimDisk({ random: seededRandom("mole") }));
  }

  /** Takes over a machine that has joined and runs no agent. */
  static async takeOver({ home }: { readonly home: string }): Promise<Mole> {
    const [file, own] = [await readHome(home), await readKeys(home)];
    if (file === null || own === null) throw new Error(`${home} is no member's home`);
    const mesh = unhex(file.mesh);
    const taken: { mole?: Mole } = {};
    const lies: Answers = (body, channel, peer) => {
      const purpose = taken.mole?.purposes.get(channel);
      if (purpose !== undefined) return purpose(body, channel, peer);
      const lie = randomBytes(1)[0] as number;
      if (lie < 64) throw new Error("no");
      if (lie < 128) return new Uint8Array(randomBytes(200));
      if (lie < 192) return encode({ root: new Uint8Array(randomBytes(32)), state: new Uint8Array(32) });
      return encode({ entries: [new Uint8Array(randomBytes(300))], more: true });
    };
    const link = await speaker(own.seed.reveal(), mesh, lies);
    const mole = new Mole(link, { signer: keys.signer(own.seed), seal: own.seal }, unhex(file.node), mesh);
    taken.mole = mole;
    await mole.replica.load();
    return mole;
  }

  async meet({ key, address }: Target): Promise<void> {
    await this.link.dial(key, [address], TIMEOUT_MS);
  }

  /** A whole round of the real exchange. */
  async learnFrom({ key }: Target): Promise<void> {
    const round = new ReplicaExchange(this.replica, keys).begin();
    for (let next: Uint8Array | null = round.request; next !== null; ) {
      next = await round.next(await this.link.request(key, "sync", next, TIMEOUT_MS));
    }
  }

  ask({ key }: Target, channel: string, body: Uint8Array): Promise<Uint8Array> {
    return this.link.request(key, channel, body, TIMEOUT_MS);
  }

  /** By every door that takes entries. What comes back is a refusal, or nothing that would say so. */
  async spread(targets: readonly Target[], entries: readonly Uint8Array[]): Promise<void> {
    for (const entry of entries) {
      for (const message of encodeEntries([entry])) this.link.broadcast(message);
      for (const target of targets) {
        await this.ask(target, "sync", encode({ q: "give", entries: [entry] }));
        const input = { entries: [toBase64Url(entry)] } as unknown as Plain;
        await this.ask(target, "api", encode({ v: 1, operation: "entry.submit", input }));
      }
    }
  }

  /** The one thing that it may say: what it is. Comes by gossip only, so that whoever shows it has heard the rest. */
  broadcastReport(): string {
    const release = `mole ${++this.#reports}`;
    const report = { release, addresses: [], roles: [], os: "", arch: "", alarms: NO_CLAIMS };
    const hlc = { ms: Date.now(), count: this.#reports };
    const position = { mesh: this.mesh, log: this.log, seq: this.#reports, hlc };
    const { bytes } = composeObserved(keys, position, encodeReport(report), this.signer);
    for (const message of encodeEntries([bytes])) this.link.broadcast(message);
    return release;
  }
}

/** Signs as an operator whose keys lie in a machine's configuration. */
export async function signAs(machine: Machine, run: (session: Session) => Promise<void>): Promise<void> {
  const session = await openSession(
    {
      keys,
      operatorDir: machine.config,
      operator: "alice",
      courier: {
        call: async (method, path, parts) => {
          const { status, body } = await machine.ask(method, path, JSON.stringify(parts?.body));
          if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
          return body;
        },
      },
      unlock: async ({ custody }) => {
        if (custody.kind !== "plain") throw new Error("the key is not at hand");
        return seedSigner(keys, custody.seed);
      },
      now: () => Date.now(),
      note: () => undefined,
    },
    {},
  );
  try {
    await run(session);
  } finally {
    session.close();
  }
}

export function unhex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === null) throw new Error(`not hex: ${text}`);
  return bytes;
}
