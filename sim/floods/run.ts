import { fromHex, toHex } from "../../src/core/bytes.ts";
import { encode } from "../../src/core/encoding.ts";
import { encodeEnrolRequest, ENROL_CHANNEL, joinMessage } from "../../src/core/enrolment.ts";
import type { Link, LinkEvents, Standing } from "../../src/core/ports/link.ts";
import type { Random } from "../../src/core/ports/random.ts";
import { encodeGetRequest, GET_CHANNEL } from "../../src/core/secrets/messages.ts";
import { composeLink } from "../../src/crdt/compose.ts";
import { CLASS_AUDIT } from "../../src/crdt/entry/entry.ts";
import { createVoice, packWords } from "../../src/mesh/detector/word.ts";
import { encodeEntries, encodeVerdicts } from "../../src/mesh/gossip-message.ts";
import { Burden } from "../checkers/burden.ts";
import { running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { RunReport } from "../run.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";

const MINUTE_MS = 60_000;
const TIMEOUT_MS = 10_000;
/** How often somebody does it in a flood of a minute. */
const TIMES = 5_000;
/** More than one member may ask in a minute. */
const ASKS = 18_000;
const BROADCASTS = 600;
/** In a minute in which nobody signs anything: what a machine writes down about others, and its own report. */
const KEPT_BYTES = 16 * 1024;
const NOTHING = new Uint8Array(0);

interface Flood {
  readonly name: string;
  /** Once; called again and again for a minute. */
  pour(number: number): Promise<unknown>;
  readonly times: number;
}

/**
 * One world in which nothing goes wrong but that a member, and a stranger, say as much as they can, of one kind after the
 * other: what honest machines send, keep and hold in memory for it stays within its limits.
 */
export async function runFloods(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 6 }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    await story.begin();
    for (const flood of story.floods()) await story.live(flood);
  });
}

class Story {
  readonly #world: World;
  readonly #random: Random;
  readonly #burden: Burden;
  readonly #member: Link;
  readonly #stranger: Link;
  /** Bytes on each disk, by machine. */
  readonly #kept = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork("floods");
    this.#burden = new Burden(world, () => 0);
    const { member, stranger } = world.hostile;
    this.#member = world.network.createLink(toHex(member.signer.publicKey), member.address);
    this.#stranger = world.network.createLink(toHex(stranger.publicKey), "10.66.0.1:7444");
  }

  async begin(): Promise<void> {
    await this.#member.start(eventsOf("member"));
    await this.#stranger.start(eventsOf("stranger"));
    for (const { key, address } of this.#world.machines) {
      await this.#world.until(this.#member.dial(key, [address], TIMEOUT_MS));
      await this.#world.until(this.#stranger.dial(key, [address], TIMEOUT_MS));
    }
    await this.#pass(MINUTE_MS);
    this.#burden.look();
    this.#checkKept("nobody floods");
  }

  /** A minute of it, and one after it. */
  async live(flood: Flood): Promise<void> {
    const { name, times } = flood;
    const { clock } = this.#world;
    for (let number = 0; number < times; number++) {
      clock.after(this.#random.below(MINUTE_MS), () => void flood.pour(number).catch(() => undefined));
    }
    for (let minute = 0; minute < 2; minute++) {
      await this.#pass(MINUTE_MS);
      this.#burden.look();
      this.#checkKept(name);
    }
    this.#world.reached(name);
  }

  floods(): Flood[] {
    const [first, store] = this.#world.machines as [Machine, Machine];
    const ask = async (link: Link, { address, key }: Machine, channel: string, body: Uint8Array) => {
      await link.dial(key, [address], TIMEOUT_MS);
      await link.request(key, channel, body, TIMEOUT_MS);
    };
    return [
      {
        name: "a member asks what was not asked yet",
        times: ASKS,
        pour: () =>
          ask(this.#member, first, "sync", encode({ q: "root", root: this.#bytes(32), state: this.#bytes(32) })),
      },
      {
        name: "a member gives entries that nobody signed",
        times: TIMES,
        pour: () => ask(this.#member, first, "sync", encode({ q: "give", entries: [this.#bytes(300)] })),
      },
      {
        name: "a member asks for secrets that there are not",
        times: TIMES,
        pour: (number) => ask(this.#member, store, GET_CHANNEL, this.#getRequest(store, `web/no-${number}`)),
      },
      { name: "a member spreads entries that build on nothing", times: BROADCASTS, pour: async (n) => this.#orphan(n) },
      { name: "a member says what is not true of everybody", times: BROADCASTS, pour: async () => this.#lie() },
      {
        name: "a member spreads nonsense",
        times: BROADCASTS,
        pour: async () => this.#member.broadcast(this.#bytes(2_000)),
      },
      {
        name: "a stranger knocks with tokens that there are not",
        times: TIMES,
        pour: () => ask(this.#stranger, first, ENROL_CHANNEL, this.#enrolRequest()),
      },
      {
        name: "a stranger asks what only members may",
        times: TIMES,
        pour: () => ask(this.#stranger, first, "sync", this.#bytes(100)),
      },
    ];
  }

  /** It claims to know what the store knows, so that the store need not ask anybody. */
  #getRequest(store: Machine, path: string): Uint8Array {
    return encodeGetRequest({ path, ...running(store).heads() });
  }

  #orphan(number: number): void {
    const { clock, hostile, keys, mesh } = this.#world;
    const { id, signer } = hostile.member;
    const head = { seq: 1_000 + number, hash: this.#bytes(32) };
    const hlc = { ms: clock.now(), count: 0 };
    const position = { mesh, log: fromHex(id) as Uint8Array, class: CLASS_AUDIT, head, hlc, seen: mesh, more: 0 };
    const { bytes } = composeLink(keys, position, this.#bytes(1_000), signer);
    for (const message of encodeEntries([bytes])) this.#member.broadcast(message);
  }

  /** That it is alive itself is true, and said anew each time: the one thing that everybody has to pass on. */
  #lie(): void {
    const { clock, hostile, keys, machines, mesh } = this.#world;
    const { signer } = hostile.member;
    const voice = createVoice(keys, mesh, signer);
    const incarnation = 2 * clock.now() + this.#random.below(1_000_000);
    const signature = voice.sign("alive", incarnation);
    const accused = machines.map(({ key }) => ({ member: key, incarnation, status: "silent" as const }));
    const own = { member: toHex(signer.publicKey), incarnation, status: "alive" as const };
    const words = [own, ...accused].map((word) => ({ ...word, accusers: [own.member], signature }));
    this.#member.broadcast(encodeVerdicts(packWords(words)));
  }

  #enrolRequest(): Uint8Array {
    const { hostile, mesh } = this.#world;
    const seal = hostile.member.seal.recipient;
    const proof = hostile.stranger.sign(joinMessage(mesh, hostile.stranger.publicKey, seal));
    return encodeEnrolRequest({
      ...{ tokenId: this.#bytes(16), secret: this.#bytes(32), seal, proof, after: null, name: "nobody" },
    });
  }

  #bytes(count: number): Uint8Array {
    return this.#random.bytes(count);
  }

  #checkKept(during: string): void {
    for (const { disk, name } of this.#world.machines) {
      const grown = disk.bytesNow - (this.#kept.get(name) ?? 0);
      this.#kept.set(name, disk.bytesNow);
      if (grown > KEPT_BYTES)
        this.#world.violated("burden", `${name} keeps ${grown} bytes more for a minute in which ${during}`);
    }
  }

  async #pass(durationMs: number): Promise<void> {
    await this.#world.clock.runUntil(this.#world.clock.monotonic() + durationMs);
  }
}

/** It answers probes, so that it stays a neighbour, and nothing else. */
function eventsOf(standing: Standing): LinkEvents {
  return {
    standing: () => standing,
    opened: () => undefined,
    closed: () => undefined,
    request: async () => NOTHING,
    broadcast: () => "taken",
    discovered: () => undefined,
  };
}
