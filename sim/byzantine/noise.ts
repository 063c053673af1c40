import { decode, encode } from "../../src/core/encoding.ts";
import { fromHex } from "../../src/core/bytes.ts";
import { composeAuthority, composeLink } from "../../src/crdt/compose.ts";
import { CLASS_AUDIT, type Entry } from "../../src/crdt/entry/entry.ts";
import { encodeEntries } from "../../src/mesh/gossip-message.ts";
import type { Attack } from "./attack.ts";

const MOST_REPLAYED = 20;
/** More than anybody keeps of one author. */
const ORPHANS = 600;

const FLOOD = "a flood of orphans";

/** What others said once, again. */
export const replay: Attack = {
  kind: "replay",
  async attack(site) {
    if (site.heard.length === 0 || !site.take()) return;
    const from = site.random.below(site.heard.length);
    for (const body of site.heard.slice(from, from + MOST_REPLAYED)) {
      site.link.broadcast(body);
      // Equal bodies are one broadcast for a while: the same in another order of words is another.
      site.link.broadcast(Uint8Array.of(...body.subarray(0, 1000), 0));
    }
  },
};

/** Well signed entries that build on nothing, more than anybody can keep. */
export const flood: Attack = {
  kind: "flood",
  async attack(site, machine) {
    const { world, random } = site;
    // What waits goes on waiting: more of it would be dropped, and says nothing new.
    if (world.sometimes[FLOOD] !== undefined || random.below(3) > 0 || !site.take([machine])) return;
    const { keys, mesh, hostile } = world;
    const { signer, id } = hostile.member;
    const log = fromHex(id) as Uint8Array;
    const hlc = { ms: world.clock.now(), count: 0 };
    const entries: Entry[] = [];
    for (let i = 0; i < ORPHANS; i++) {
      const head = { seq: 1_000 + i, hash: random.bytes(32) };
      const position = { mesh, log, class: CLASS_AUDIT, head, hlc, seen: mesh, more: 0 };
      entries.push(composeLink(keys, position, random.bytes(40), signer));
    }
    const body = { type: "enrol", name: "x", key: random.bytes(32) } as never;
    entries.push(composeAuthority(keys, { mesh, log, parents: [random.bytes(32)] }, body, hostile.stranger));
    await site.give(machine, entries);
    for (const message of encodeEntries(entries.map(({ bytes }) => bytes))) site.link.broadcast(message);
    world.reached(FLOOD);
  },
};

/** What a later release says: words that nobody here knows. They are passed on, or answered as unknown. */
export const laterRelease: Attack = {
  kind: "a member of a later release",
  async attack(site, machine) {
    const { world, random } = site;
    if (!site.take([machine])) return;
    site.link.broadcast(encode({ k: "weather", sun: random.bytes(8) }));
    const answer = await site.ask(machine, "sync", encode({ q: "weather", of: random.bytes(8) }));
    if (answer === null) return;
    const { unknown } = decode(answer) as { readonly unknown?: boolean };
    if (unknown === true) world.reached("a question of a later release is answered as unknown");
    else world.violated("mixed releases", `${machine.name} answers a question that it cannot know`);
  },
};
