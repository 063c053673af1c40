import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import type { Entry } from "../../../src/crdt/entry/entry.ts";
import {
  fittingLot,
  MAX_PARKED,
  MAX_PARKED_BYTES,
  MAX_PARKED_BYTES_OF_AUTHOR,
  MAX_PARKED_OF_AUTHOR,
} from "../../../src/crdt/parking-lot.ts";
import { NodeDirectory } from "../../../src/node/directory.ts";
import { type Author, bytesFor, cutBody, found, type NodeAuthor, Peer } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;
const keyOf = ({ signer }: Author) => toHex(signer.publicKey);
const bytesOf = (entries: readonly Entry[]) => entries.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** An entry as far as the parking lot looks at it. */
function parked(author: string, bytes: number): Entry {
  return { header: { key: bytesFor(author) }, bytes: new Uint8Array(bytes) } as unknown as Entry;
}

describe("what waits for what it builds on", () => {
  const isKnown = (...names: string[]) => {
    const known = new Set(names.map((name) => toHex(bytesFor(name))));
    return (key: string) => known.has(key);
  };

  it("is all that came, while it is little", () => {
    const lot = [parked("alice", 100), parked("bob", 100)];
    expect(fittingLot(lot, isKnown("alice"))).toBe(lot);
  });

  it("is so much of one author at most, the newest of it, and nobody else pays for that", () => {
    const flood = Array.from({ length: 2 * MAX_PARKED_OF_AUTHOR }, () => parked("mallory", 100));
    const lot = fittingLot([parked("bob", 100), ...flood], isKnown("mallory"));
    expect(lot).toHaveLength(MAX_PARKED_OF_AUTHOR + 1);
    expect(lot.slice(1)).toEqual(flood.slice(-MAX_PARKED_OF_AUTHOR));
    const large = Array.from({ length: 100 }, () => parked("mallory", 60_000));
    expect(bytesOf(fittingLot(large, isKnown("mallory")))).toBeLessThanOrEqual(MAX_PARKED_BYTES_OF_AUTHOR);
  });

  it("is bounded in all, in number and in bytes, and authors whose key is known come first", () => {
    const madeUp = Array.from({ length: 3 * MAX_PARKED }, (_, i) => parked(`nobody ${i}`, 1_000));
    const bobs = Array.from({ length: 10 }, () => parked("bob", 1_000));
    const lot = fittingLot([...bobs, ...madeUp], isKnown("bob"));
    expect(lot).toHaveLength(MAX_PARKED);
    expect(lot.slice(0, 10)).toEqual(bobs);
    const large = Array.from({ length: 200 }, (_, i) => parked(`nobody ${i}`, 60_000));
    expect(bytesOf(fittingLot(large, isKnown()))).toBeLessThanOrEqual(MAX_PARKED_BYTES);
  });
});

describe("a cut whose parents are not here", () => {
  const standing = (peer: Peer, node: Author) => new NodeDirectory(peer.replica, "self", []).standing(keyOf(node));

  /** bob cuts web-1 with something in its past that the peer does not have. */
  async function scene(grant: Parameters<Peer["grant"]>[2] = {}) {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob", grant);
    const web = await peer.enrol(alice, "web-1");
    const behind = await peer.twin();
    await peer.enrol(alice, "db-1");
    const cut = peer.compose(bob, cutBody(web));
    return { peer: behind, ahead: peer, bob, web, cut };
  }

  it("shuts the machine out at once, and somebody hears of it", async () => {
    const { peer, ahead, web, cut } = await scene();
    const heard: string[] = [];
    peer.replica.onDoorChange(() => heard.push(standing(peer, web)));
    expect(standing(peer, web)).toBe("member");
    expect(await peer.admit([cut])).toMatchObject([{ state: "waiting" }]);
    expect(standing(peer, web)).toBe("refused");
    expect(heard).toEqual(["refused"]);
    // Nothing of it has effect before its time.
    expect(peer.replica.view().nodeByKey(keyOf(web))?.state).toBe("active");
    await ahead.take([cut]);
    await peer.learnFrom(ahead);
    expect(peer.replica.view().nodeByKey(keyOf(web))?.state).toBe("cut");
    expect(standing(peer, web)).toBe("removed");
  });

  it("shuts nobody out if its log needs another's approval, is no operator's, or was ended", async () => {
    const two = await scene({ need: { admin: 2, destroy: 1 } });
    await two.peer.admit([two.cut]);
    expect(standing(two.peer, two.web)).toBe("member");

    const ended = await scene();
    await ended.peer.cut(alice, ended.bob);
    await ended.peer.admit([ended.cut]);
    expect(standing(ended.peer, ended.web)).toBe("member");
  });

  it("shuts nobody out if its signature is another's", async () => {
    const { peer, ahead, bob, web } = await scene();
    const forger: Author = { ...bob, signer: { publicKey: bob.signer.publicKey, sign: (m) => web.signer.sign(m) } };
    await peer.admit([ahead.compose(forger, cutBody(web))]);
    expect(standing(peer, web)).toBe("member");
  });

  it("and that is known to be wrong when its parents come lets the machine in again", async () => {
    const { peer, ahead, bob, web, cut } = await scene();
    await peer.admit([cut]);
    expect(standing(peer, web)).toBe("refused");
    // alice ends bob's log before it: what the peer learns, decides.
    await ahead.cut(alice, bob);
    await peer.learnFrom(ahead);
    expect(standing(peer, web)).toBe("member");
  });
});

describe("redemptions of one token", () => {
  async function scene() {
    const peer = await Peer.of(founding);
    const nas = await peer.enrol(alice, "nas-1");
    const role = await peer.role(alice, nas, "coordinator");
    const token = await peer.token(alice, role.log);
    const fork = async (name: string) => {
      const twin = await peer.twin();
      return { twin, node: (await twin.redeem(role, token, name)) as NodeAuthor };
    };
    return { peer, role, token, forks: await Promise.all(["web-1", "web-2", "web-3"].map(fork)) };
  }

  it("are taken twice, which suspends both, and a third time not", async () => {
    const { peer, forks } = await scene();
    const states = [];
    for (const { node } of forks) states.push(...(await peer.admit([node.entry])));
    expect(states.map(({ state }) => state)).toEqual(["admitted", "admitted", "waiting"]);
    expect(states[2]?.reason).toMatch(/two redemptions already/);
    expect([...peer.replica.view().nodes.values()].filter(({ state }) => state === "suspended")).toHaveLength(2);
  });

  it("are taken when an operator's entry builds on them, whichever came first", async () => {
    const { peer, forks } = await scene();
    const [one, two, three] = forks as [(typeof forks)[0], (typeof forks)[0], (typeof forks)[0]];
    await peer.take([one.node.entry, two.node.entry]);
    const seen = await three.twin.role(alice, three.node, "secret-store");
    const entry = three.twin.replica.graph.find(toHex(seen.log))?.entry as Entry;
    expect(await peer.admit([entry])).toMatchObject([{ state: "waiting" }]);
    expect(await peer.admit([three.node.entry])).toMatchObject([{ state: "admitted" }]);
    expect(peer.replica.view().nodeByKey(keyOf(three.node))?.state).toBe("active");
    // What an operator has seen does not count any more against others.
    expect(peer.replica.parked.entries).toBe(0);
  });
});

describe("a member that a store of an old copy does not know", () => {
  const keyed = (author: Author) => ({ key: keyOf(author), addresses: ["/ip4/192.0.2.1/tcp/7444"] });

  it("is asked where this home wrote it down, until the entries say what it is", async () => {
    const ahead = await Peer.of(founding);
    const nas = await ahead.enrol(alice, "nas-1");
    const old = await ahead.twin();
    const web = await ahead.enrol(alice, "web-1");
    const stranger = await ahead.enrol(alice, "nobody-1");
    const directory = new NodeDirectory(old.replica, keyOf(nas), [keyed(nas), keyed(web)]);
    expect(directory.standing(keyOf(web))).toBe("member");
    expect(directory.standing(keyOf(stranger))).toBe("stranger");
    // It is not alone, so it does not go on with its logs before it has asked.
    expect(directory.members()).toEqual([keyed(web)]);
    await ahead.cut(alice, web);
    await old.learnFrom(ahead);
    expect(directory.standing(keyOf(web))).toBe("removed");
    expect(directory.members().map(({ key }) => key)).toEqual([keyOf(stranger)]);
  });
});
