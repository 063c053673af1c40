import { beforeEach, describe, expect, test } from "vitest";
import { encodeAudit } from "../../../src/core/audit.ts";
import { toHex } from "../../../src/core/bytes.ts";
import { CLASS_AUDIT } from "../../../src/crdt/entry/entry.ts";
import { grantLog } from "../../../src/node/handlers/grant-log.ts";
import type { ReadSource } from "../../../src/node/handlers/read-source.ts";
import { AT, found, type Author, link, type NodeAuthor, Peer } from "../crdt/fixture.ts";

const V1 = "11".repeat(32);

describe("the grant log of a mesh", () => {
  let peer: Peer;
  let alice: Author;
  let nas1: NodeAuthor;
  let nas2: NodeAuthor;
  let web1: NodeAuthor;
  const online = new Set<string>();

  beforeEach(async () => {
    const founding = found();
    peer = await Peer.of(founding);
    alice = founding.founders["alice"] as Author;
    nas1 = await peer.enrol(alice, "nas-1");
    nas2 = await peer.enrol(alice, "nas-2");
    web1 = await peer.enrol(alice, "web-1");
    await peer.role(alice, nas1, "secret-store");
    await peer.role(alice, nas2, "secret-store");
    online.clear();
    for (const store of [nas1, nas2]) online.add(toHex(store.signer.publicKey));
  });

  function source(): ReadSource {
    const lastHeardMs = AT + 7;
    return {
      replica: peer.replica,
      self: { id: toHex(web1.log), key: toHex(web1.signer.publicKey) },
      opinion: (key: string) => ({ online: online.has(key) ? "yes" : "no", lastHeardMs }),
    } as unknown as ReadSource;
  }

  async function serve(store: NodeAuthor, atMs: number, facts: Record<string, string | number>): Promise<void> {
    const tip = peer.replica.chain(toHex(store.log), CLASS_AUDIT)?.main.at(-1)?.entry ?? null;
    const record = { actor: "node:web-1", action: "secret.read", object: "web/tls", reason: "" };
    const payload = encodeAudit({ ...record, decision: "allowed", timeMs: atMs, facts });
    await peer.take([link(peer, store, tip, payload, { class: CLASS_AUDIT, hlc: { ms: atMs, count: 0 } })]);
  }

  test("says what every store gave to whom, of which version, first and last", async () => {
    const node = toHex(web1.log);
    await serve(nas1, AT + 1, { node, version: V1, times: 1, sinceMs: AT + 1 });
    await serve(nas1, AT + 3000, { node, version: V1, times: 41, sinceMs: AT + 10 });
    await serve(nas2, AT + 2, { node, version: V1, times: 1, sinceMs: AT + 2 });
    const of = { node, operator: null, name: "web-1", path: "web/tls", version: V1 };
    expect(await grantLog(source())).toEqual({
      grants: [
        { ...of, store: toHex(nas1.log), times: 42, firstMs: AT + 1, lastMs: AT + 3000 },
        { ...of, store: toHex(nas2.log), times: 1, firstMs: AT + 2, lastMs: AT + 2 },
      ],
      silent: [],
      beginMs: null,
    });
  });

  test("reads what a store of an older release told: a name, and no version", async () => {
    await serve(nas1, AT + 1, {});
    const { grants } = await grantLog(source());
    expect(grants).toMatchObject([{ node: null, name: "web-1", version: null, times: 1, firstMs: AT + 1 }]);
  });

  test("says from when on it is complete, where old records were let go of", async () => {
    const node = toHex(web1.log);
    for (const atMs of [AT + 1, AT + 2, AT + 3]) await serve(nas1, atMs, { node, version: V1 });
    await peer.replica.letGo(() => AT + 3);
    const { grants, beginMs } = await grantLog(source());
    expect(beginMs).toBe(AT + 2);
    expect(grants).toMatchObject([{ times: 2, firstMs: AT + 2 }]);
  });

  test("names the stores that it may not have heard out, those of before among them", async () => {
    await serve(nas2, AT + 9, { node: toHex(web1.log), version: V1 });
    online.clear();
    await peer.unrole(alice, nas2, "secret-store");
    await peer.cut(alice, nas1);
    const { grants, silent } = await grantLog(source());
    expect(grants).toHaveLength(1);
    expect(silent).toEqual([
      { node: toHex(nas1.log), name: "nas-1", standing: "gone", sinceMs: AT + 7 },
      { node: toHex(nas2.log), name: "nas-2", standing: "active", sinceMs: AT + 9 },
    ]);
  });
});
