import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { removalOf, removalProof } from "../../../src/crdt/removal.ts";
import { ReplicaExchange } from "../../../src/crdt/sync/exchange.ts";
import { RemovalNotice } from "../../../src/crdt/sync/removal-notice.ts";
import { AT, type Author, cutBody, found, grantBody, keepOf, keys, Peer } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;
const keyOf = ({ signer }: Author) => toHex(signer.publicKey);

/** A member tells a machine of its removal, as it would over a connection; how many messages that took. */
async function tell(member: Peer, machine: Peer, key: string): Promise<number> {
  const proof = removalProof(member.replica, key);
  if (proof === null) return 0;
  const notice = new RemovalNotice(proof);
  const there = new ReplicaExchange(machine.replica, keys);
  let messages = 0;
  for (let request: Uint8Array | null = notice.request; request !== null; messages++) {
    request = notice.next(await there.answer(request));
  }
  return messages;
}

describe("a machine that was removed", () => {
  it("is convinced by two messages, if it was here until then", async () => {
    const member = await Peer.of(founding);
    const web = await member.enrol(alice, "web-1");
    const machine = await member.twin();
    await member.cut(alice, web);
    expect(removalOf(machine.replica, keyOf(web))).toBeNull();
    expect(await tell(member, machine, keyOf(web))).toBe(2);
    expect(machine.replica.view().nodeByKey(keyOf(web))?.state).toBe("cut");
    expect(removalOf(machine.replica, keyOf(web))).toEqual({ by: "alice", atMs: AT, reason: "lost" });
  });

  it("that was away for long gets what the cut builds on, and nothing else", async () => {
    const member = await Peer.of(founding);
    const web = await member.enrol(alice, "web-1");
    const machine = await member.twin();
    const bob = await member.grant(alice, "bob");
    for (let i = 0; i < 20; i++) await member.enrol(bob, `later-${i}`);
    await member.cut(bob, web);
    await member.enrol(bob, "after-1");
    await member.write(alice, { "label/web": {} });
    await tell(member, machine, keyOf(web));
    const { view, names } = { view: machine.replica.view(), names: [...machine.replica.view().nodes.values()] };
    expect(view.nodeByKey(keyOf(web))?.state).toBe("cut");
    expect(names.map(({ name }) => name)).toContain("later-19");
    expect(names.map(({ name }) => name)).not.toContain("after-1");
    expect(machine.replica.chains.size).toBe(0);
  });

  it("gets the approvals, too, where one operator's word is not enough", async () => {
    const member = await Peer.of(founding);
    const web = await member.enrol(alice, "web-1");
    const bob = await member.grant(alice, "bob", { need: { admin: 2, destroy: 1 } });
    const carol = await member.grant(alice, "carol");
    const machine = await member.twin();
    const cut = await member.cut(bob, web);
    expect(removalProof(member.replica, keyOf(web))).toBeNull();
    await member.say(carol, { type: "approve", entry: cut.hash });
    await tell(member, machine, keyOf(web));
    expect(machine.replica.view().nodeByKey(keyOf(web))?.state).toBe("cut");
  });

  it("is not convinced by the word of an operator whom it knows as removed", async () => {
    const before = await Peer.of(founding);
    const bob = await before.grant(alice, "bob");
    const web = await before.enrol(alice, "web-1");
    const [member, machine] = [await before.twin(), await before.twin()];
    await member.cut(bob, web);
    await machine.say(alice, cutBody(bob, [keepOf(bob, [])]));
    await tell(member, machine, keyOf(web));
    expect(machine.replica.view().nodeByKey(keyOf(web))?.state).toBe("active");
  });

  it("is none while the key has another membership, or never had one", async () => {
    const peer = await Peer.of(founding);
    const web = await peer.enrol(alice, "web-1");
    expect(removalProof(peer.replica, keyOf(web))).toBeNull();
    await peer.cut(alice, web);
    expect(removalProof(peer.replica, keyOf(web))).not.toBeNull();
    await peer.enrol(alice, "web-2", "web-1");
    expect(removalProof(peer.replica, keyOf(web))).toBeNull();
    expect(removalProof(peer.replica, toHex(grantBody("nobody").key))).toBeNull();
  });

  it("may answer what it likes: whoever tells it believes nothing, and ends", async () => {
    const member = await Peer.of(founding);
    const web = await member.enrol(alice, "web-1");
    await member.cut(alice, web);
    const proof = removalProof(member.replica, keyOf(web));
    if (proof === null) throw new Error("not removed");
    const nothing = new Uint8Array([0xa0]);
    const notice = new RemovalNotice(proof);
    expect(notice.next(nothing)).not.toBeNull();
    expect(() => notice.next(nothing)).toThrow(/not an answer/);
    expect(() => notice.next(new Uint8Array([0xff]))).toThrow();
  });
});
