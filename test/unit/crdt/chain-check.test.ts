import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { checkChain } from "../../../src/crdt/chain-check.ts";
import { composeLink } from "../../../src/crdt/compose.ts";
import {
  CLASS_AUDIT,
  type ChainHeader,
  decodeEntry,
  type Entry,
  replaceSignatures,
} from "../../../src/crdt/entry/entry.ts";
import { keys, seed } from "../operator/household.ts";

/* web-1's audit log, as it was and as somebody left it. */

const web1 = keys.signer(seed(7));
const key = toHex(web1.publicKey);

function link(seq: number, before: Entry<ChainHeader> | undefined, payload = `record ${seq}`): Entry<ChainHeader> {
  const place = {
    mesh: new Uint8Array(32).fill(1),
    log: new Uint8Array(32).fill(2),
    class: CLASS_AUDIT,
    head: before === undefined ? null : { seq: seq - 1, hash: before.hash },
    hlc: { ms: seq, count: 0 },
    seen: new Uint8Array(32),
    more: 0,
  };
  return composeLink(keys, place, new TextEncoder().encode(payload), web1);
}

const log: Entry<ChainHeader>[] = [];
for (let seq = 1; seq <= 6; seq++) log.push(link(seq, log.at(-1)));
const at = (seq: number) => log[seq - 1] as Entry<ChainHeader>;
const head = (seq: number) => ({ seq, hash: at(seq).id });

const told = async (entries: readonly Entry<ChainHeader>[], ...remembered: { seq: number; hash: string }[]) =>
  (await checkChain(keys, key, entries, remembered)).map(({ problem, seq, to }) => `${problem} ${seq}-${to}`);

describe("a writer's log", () => {
  it("that nobody touched holds, also where only its last entry is signed", async () => {
    expect(await told(log, head(6), head(3))).toEqual([]);
    expect(await told([])).toEqual([]);
    expect(await told([...log.slice(0, 5).map((entry) => replaceSignatures(entry, [])), at(6)])).toEqual([]);
  });

  it("whose tail was cut off says so to whoever remembers it, with the numbers", async () => {
    expect(await told(log.slice(0, 4), head(6))).toEqual(["missing 5-6"]);
    expect(await told([], head(6))).toEqual(["missing 1-6"]);
    expect(await told(log.slice(0, 4))).toEqual([]);
  });

  it("with a hole, or another order, is named by number", async () => {
    expect(await told([at(1), at(2), at(5), at(6)])).toEqual(["missing 3-4"]);
    expect(await told([at(1), at(3), at(2), at(4), at(5), at(6)])).toEqual(["moved 2-2"]);
  });

  it("with an entry that was altered is named by number, signed or not", async () => {
    const last = at(3).signed.length - 1;
    const bytes = at(3).bytes.map((byte, i) => (i === last ? byte ^ 1 : byte));
    const edited = decodeEntry(keys, bytes) as Entry<ChainHeader>;
    expect(await told([at(1), at(2), edited, at(4), at(5), at(6)])).toEqual(["edited 3-3"]);
    const bare = replaceSignatures(edited, []);
    expect(await told([at(1), at(2), bare, at(4), at(5), at(6)])).toEqual(["edited 3-3"]);
  });

  it("that its own writer wrote anew is another one than the one that is remembered", async () => {
    const anew = link(6, at(5), "nothing happened");
    expect(await told([...log.slice(0, 5), anew], head(6))).toEqual(["edited 6-6"]);
    expect(await told([...log, anew])).toEqual(["forked 6-6"]);
  });

  it("that ends with an entry that nobody signed misses what signed it", async () => {
    expect(await told([...log.slice(0, 5), replaceSignatures(at(6), [])])).toEqual(["missing 7-7"]);
  });
});
