import { expect, it } from "vitest";
import { composeLink, composeObserved } from "../../../src/crdt/compose.ts";
import { CLASS_AUDIT, type Entry } from "../../../src/crdt/entry/entry.ts";
import { messagesOf } from "../../../src/node/telling.ts";
import { bytesFor, keys, signerOf } from "../crdt/fixture.ts";

const place = { mesh: bytesFor("mesh"), hlc: { ms: 1, count: 0 } };

function reportOf(name: string): Entry {
  return composeObserved(
    keys,
    { ...place, log: bytesFor(name), seq: 1 },
    bytesFor(`report of ${name}`),
    signerOf(name),
  );
}

function recordOf(name: string): Entry {
  const position = { ...place, log: bytesFor(name), class: CLASS_AUDIT, head: null, seen: bytesFor("seen"), more: 0 };
  return composeLink(keys, position, bytesFor(`record of ${name}`), signerOf(name));
}

it("two who learned of reports in other company pass on the same messages, which gossip knows again", () => {
  const [web1, web2, web3] = [reportOf("web-1"), reportOf("web-2"), reportOf("web-3")] as const;
  const [byAlice, byBob] = [messagesOf([web1, web2]), messagesOf([web3, web2, web1])];
  expect(byAlice).toEqual([[web1.bytes], [web2.bytes]]);
  for (const message of byAlice) expect(byBob).toContainEqual(message);
});

it("what one signature may cover goes together, in its order", () => {
  const [web1, first, second] = [reportOf("web-1"), recordOf("web-2"), recordOf("web-3")];
  expect(messagesOf([first, web1, second])).toEqual([[first.bytes, second.bytes], [web1.bytes]]);
});
