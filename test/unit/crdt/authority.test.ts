import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { encode } from "../../../src/core/encoding.ts";
import type { KnownBody } from "../../../src/crdt/authority/bodies.ts";
import { rootLog } from "../../../src/crdt/authority/identifiers.ts";
import { SCHEME_ED25519 } from "../../../src/core/signature.ts";
import { sealEntry } from "../../../src/crdt/entry/signatures.ts";
import {
  AT,
  type Author,
  bytesFor,
  cutBody,
  found,
  grantBody,
  keepOf,
  keys,
  type NodeAuthor,
  Peer,
  signerOf,
  tokenBody,
} from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;

const stateOf = (peer: Peer, node: Author) => peer.replica.view().nodes.get(toHex(node.log))?.state;
const rolesOf = (peer: Peer, node: Author) => [...(peer.replica.view().nodes.get(toHex(node.log))?.roles ?? [])];
const operatorState = (peer: Peer, operator: Author) =>
  peer.replica.authority.operators.get(toHex(operator.log))?.state;
const namingOf = (peer: Peer, node: Author) => peer.replica.view().nodes.get(toHex(node.log))?.naming;
const refusal = async (peer: Peer, author: Author, body: KnownBody) => {
  const [answer] = await peer.admit([peer.compose(author, body)]);
  return answer?.state === "refused" ? answer.reason : answer?.state;
};

/** alice has let nas-1 in and made it the coordinator. */
async function withCoordinator(): Promise<{ peer: Peer; nas1: NodeAuthor; coordinator: Author }> {
  const peer = await Peer.of(founding);
  const nas1 = await peer.enrol(alice, "nas-1");
  return { peer, nas1, coordinator: await peer.role(alice, nas1, "coordinator") };
}

describe("operators", () => {
  it("begin with the founders of the genesis entry; root stays in the background", async () => {
    const peer = await Peer.of(founding);
    const { operators } = peer.replica.view();
    expect(operators.map(({ name, rank, state }) => ({ name, rank, state }))).toEqual([
      { name: "alice", rank: 1, state: "live" },
    ]);
    expect(peer.replica.authority.operators.get(toHex(founding.root.log))?.rank).toBe(0);
  });

  it("grant others at their own rank or below, never above", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const carol = await peer.grant(bob, "carol", { rank: 2 });
    const mallory = await peer.grant(bob, "mallory", { rank: 1 });
    expect(operatorState(peer, carol)).toBe("live");
    expect(operatorState(peer, mallory)).toBeUndefined();
  });

  it("are removed by a senior, never by an equal, a junior or themselves", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const carol = await peer.grant(alice, "carol");
    await peer.cut(bob, alice);
    await peer.cut(bob, carol);
    await peer.cut(bob, bob);
    expect([alice, bob, carol].map((who) => operatorState(peer, who))).toEqual(["live", "live", "live"]);
    await peer.cut(alice, bob);
    expect([alice, bob, carol].map((who) => operatorState(peer, who))).toEqual(["live", "cut", "live"]);
    await peer.cut(founding.root, alice);
    expect(operatorState(peer, alice)).toBe("cut");
  });

  it("lose what they said after the frontier of their cut, and keep what lies before", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const web1 = await peer.enrol(bob, "web-1");
    const web2 = await peer.enrol(bob, "web-2");
    await peer.cut(alice, bob, [keepOf(bob, [web1.entry])]);
    expect(stateOf(peer, web1)).toBe("active");
    expect(stateOf(peer, web2)).toBeUndefined();
  });

  it("lose everything by a cut that names no frontier", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const web1 = await peer.enrol(bob, "web-1");
    await peer.cut(alice, bob);
    expect(stateOf(peer, web1)).toBeUndefined();
  });

  it("gain nothing by back-dating after a cut: neither by old parents nor by saying it elsewhere first", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const before = await peer.enrol(bob, "web-1");
    const early = await peer.twin();
    await peer.cut(alice, bob, [keepOf(bob, [before.entry])]);
    const backdated = early.compose(bob, { type: "enrol", name: "web-2", ...peer.joiner("web-2"), at: AT }, [
      before.entry,
    ]);
    await early.take([backdated]);
    expect(early.replica.view().nodeByName("web-2")?.state).toBe("active");
    await peer.take([backdated]);
    await early.learnFrom(peer);
    for (const side of [peer, early]) expect(side.replica.view().nodeByName("web-2")).toBeUndefined();
    expect(toHex(peer.replica.stateHash())).toBe(toHex(early.replica.stateHash()));
  });

  it("void whom they granted when they fall, and keep whom they granted before the frontier", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const carol = await peer.grant(bob, "carol", { rank: 3 });
    const dave = await peer.grant(bob, "dave", { rank: 3 });
    const grantOfCarol = peer.replica.graph.find(toHex(carol.log))?.entry;
    await peer.cut(alice, bob, [keepOf(bob, grantOfCarol ? [grantOfCarol] : [])]);
    expect(operatorState(peer, carol)).toBe("live");
    expect(operatorState(peer, dave)).toBeUndefined();
  });

  it("come back only by a grant that has their removal in its past", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const aside = await peer.twin();
    await peer.cut(alice, bob);
    const concurrent = await aside.grant(alice, "bob", { at: AT + 1 });
    await peer.learnFrom(aside);
    expect(operatorState(peer, concurrent)).toBe("cut");
    const again = await peer.grant(alice, "bob", { at: AT + 2 });
    expect(operatorState(peer, again)).toBe("live");
    expect(operatorState(peer, bob)).toBe("cut");
  });

  it("have what a cut by a removed operator took, unless the cut was kept", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const carol = await peer.grant(alice, "carol", { rank: 3 });
    await peer.cut(bob, carol);
    expect(operatorState(peer, carol)).toBe("cut");
    await peer.cut(alice, bob);
    expect(operatorState(peer, carol)).toBe("live");
  });

  it("with one key as root and as founder hold two logs, each with its own threshold", async () => {
    const equals = found({ founders: { alice: {}, bob: {} }, rootKeys: ["alice", "bob"], k: 2 });
    const peer = await Peer.of(equals);
    const [first, second] = [equals.founders.alice as Author, equals.founders.bob as Author];
    const web1 = await peer.enrol(first, "web-1");
    expect(stateOf(peer, web1)).toBe("active");
    const cut = await peer.cut(equals.root, second);
    expect(operatorState(peer, second)).toBe("live");
    const bobsRoot = {
      name: "bob",
      signer: second.signer,
      log: rootLog(keys, equals.genesis.hash, second.signer.publicKey),
    };
    await peer.say(bobsRoot, { type: "approve", entry: cut.hash });
    expect(operatorState(peer, second)).toBe("cut");
  });

  it("without the admin right have nothing to say about authority", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob", { rights: ["ops"] });
    expect(await refusal(peer, bob, grantBody("mallory"))).toBe("its log has no right to administer");
  });

  it("with another scope than everything are refused, never taken for more than they are", async () => {
    const peer = await Peer.of(founding);
    const entry = peer.compose(alice, grantBody("bob"));
    const { type: _, ...fields } = grantBody("bob");
    const payload = encode({ ...fields, scope: "env=lab" } as never);
    const scoped = sealEntry(keys, entry.header, payload, (message) => [
      { scheme: SCHEME_ED25519, bytes: alice.signer.sign(message) },
    ]);
    const [answer] = await peer.admit([scoped]);
    expect(answer).toMatchObject({
      state: "refused",
      reason: 'malformed: scope "env=lab" is not understood by this release',
    });
  });
});

describe("thresholds", () => {
  const two = { admin: 2, destroy: 2 };
  const shared = found({ founders: { alice: { need: two }, bob: { need: two }, carol: { need: two } } });
  const [a, b] = [shared.founders.alice as Author, shared.founders.bob as Author];

  it("hold an act back until enough distinct keys stand behind it", async () => {
    const peer = await Peer.of(shared);
    const web1 = await peer.enrol(a, "web-1");
    expect(stateOf(peer, web1)).toBeUndefined();
    await peer.say(a, { type: "approve", entry: web1.log });
    expect(stateOf(peer, web1)).toBeUndefined();
    await peer.say(b, { type: "approve", entry: web1.log });
    expect(stateOf(peer, web1)).toBe("active");
  });

  it("count no approval of a junior", async () => {
    const peer = await Peer.of(shared);
    const grant = await peer.say(a, grantBody("dave"));
    await peer.say(b, { type: "approve", entry: grant.hash });
    const dave = { name: "dave", signer: signerOf("dave"), log: grant.hash };
    expect(operatorState(peer, dave)).toBe("live");
    const web1 = await peer.enrol(a, "web-1");
    await peer.say(dave, { type: "approve", entry: web1.log });
    expect(stateOf(peer, web1)).toBeUndefined();
  });

  it("count no approval that a cut has made void", async () => {
    const peer = await Peer.of(shared);
    const web1 = await peer.enrol(a, "web-1");
    await peer.say(b, { type: "approve", entry: web1.log });
    expect(stateOf(peer, web1)).toBe("active");
    await peer.cut(shared.root, b);
    expect(stateOf(peer, web1)).toBeUndefined();
  });
});

describe("nodes", () => {
  it("are let in by an operator with the node's own word", async () => {
    const peer = await Peer.of(founding);
    const nas1 = await peer.enrol(alice, "nas-1");
    const node = peer.replica.view().nodeByName("nas-1");
    expect(node).toMatchObject({ id: toHex(nas1.log), state: "active", naming: "owned", how: "enrol" });
    const proofOfAnother = { ...peer.joiner("web-1"), proof: peer.joiner("nas-1").proof };
    const body: KnownBody = { type: "enrol", name: "web-1", ...proofOfAnother, at: AT };
    expect(await refusal(peer, alice, body)).toBe("the node's own proof is wrong");
  });

  it("stop being members when their key is cut, for every log of that key", async () => {
    const peer = await Peer.of(founding);
    const nas1 = await peer.enrol(alice, "nas-1");
    await peer.cut(alice, nas1);
    expect(stateOf(peer, nas1)).toBe("cut");
    expect(peer.replica.view().nodeByKey(toHex(nas1.signer.publicKey))?.state).toBe("cut");
  });

  it("come back with the same key as a new node without the old one's roles", async () => {
    const peer = await Peer.of(founding);
    const old = await peer.enrol(alice, "nas-1");
    await peer.role(alice, old, "secret-store");
    await peer.cut(alice, old);
    const again = await peer.enrol(alice, "nas-1");
    expect([stateOf(peer, old), stateOf(peer, again)]).toEqual(["cut", "active"]);
    expect(rolesOf(peer, again)).toEqual([]);
    const view = peer.replica.view();
    expect(view.nodeByKey(toHex(again.signer.publicKey))?.id).toBe(toHex(again.log));
    expect(view.nodeByName("nas-1")?.id).toBe(toHex(again.log));
  });

  it("stay out when the enrolment was signed without knowing of the cut", async () => {
    const peer = await Peer.of(founding);
    const old = await peer.enrol(alice, "nas-1");
    const aside = await peer.twin();
    await peer.cut(alice, old);
    const concurrent = await aside.enrol(alice, "nas-2", "nas-1");
    await peer.learnFrom(aside);
    expect(stateOf(peer, concurrent)).toBe("cut");
  });
});

describe("roles", () => {
  it("are given and taken by label, on the node and not on its name", async () => {
    const peer = await Peer.of(founding);
    const nas1 = await peer.enrol(alice, "nas-1");
    await peer.role(alice, nas1, "secret-store");
    expect(rolesOf(peer, nas1)).toEqual(["secret-store"]);
    await peer.unrole(alice, nas1, "secret-store");
    expect(rolesOf(peer, nas1)).toEqual([]);
    await peer.role(alice, nas1, "secret-store");
    expect(rolesOf(peer, nas1)).toEqual(["secret-store"]);
  });

  it("end when one half gives and the other takes at the same time", async () => {
    const peer = await Peer.of(founding);
    const nas1 = await peer.enrol(alice, "nas-1");
    const aside = await peer.twin();
    await peer.role(alice, nas1, "secret-store");
    await aside.unrole(alice, nas1, "secret-store");
    await peer.learnFrom(aside);
    expect(rolesOf(peer, nas1)).toEqual([]);
  });

  it("are nothing that a node can give itself", async () => {
    const peer = await Peer.of(founding);
    const nas1 = await peer.enrol(alice, "nas-1");
    const role: KnownBody = { type: "role", node: nas1.log, label: "secret-store", at: AT };
    expect(await refusal(peer, nas1, role)).toBe("a node's log carries no authority");
    expect(await refusal(peer, { ...nas1, log: alice.log }, role)).toBe("written by another key than its log's");
    const coordinator = await peer.role(alice, nas1, "coordinator");
    expect(await refusal(peer, coordinator, role)).toBe("a role's log cannot carry role");
    expect(rolesOf(peer, nas1)).toEqual(["coordinator"]);
  });

  it("of a label that this release does not know are kept and shown", async () => {
    const peer = await Peer.of(founding);
    const nas1 = await peer.enrol(alice, "nas-1");
    await peer.role(alice, nas1, "time-server");
    expect(rolesOf(peer, nas1)).toEqual(["time-server"]);
  });

  it("that a cut took leave the redemptions before the frontier", async () => {
    const { peer, nas1, coordinator } = await withCoordinator();
    const first = await peer.redeem(coordinator, await peer.token(alice, coordinator.log), "web-1");
    const token = await peer.token(alice, coordinator.log, { id: bytesFor("second").subarray(0, 16) });
    const second = await peer.redeem(coordinator, token, "web-2");
    await peer.unrole(alice, nas1, "coordinator", [keepOf(coordinator, [first.entry])]);
    expect(stateOf(peer, first)).toBe("active");
    expect(stateOf(peer, second)).toBeUndefined();
    await peer.cut(alice, nas1);
    expect(stateOf(peer, first)).toBeUndefined();
  });
});

describe("tokens", () => {
  it("bring a node in with name, labels, attributes and roles that the operator signed", async () => {
    const { peer, coordinator } = await withCoordinator();
    const token = await peer.token(alice, coordinator.log, { name: "web-1", roles: ["secret-store"] });
    const web1 = await peer.redeem(coordinator, token, "web-1");
    const view = peer.replica.view();
    expect(view.nodeByName("web-1")).toMatchObject({ id: toHex(web1.log), state: "active", how: "token" });
    expect(view.labelsOf(toHex(web1.log))).toEqual(["secret-store", "web"]);
    expect(view.attributeOf(toHex(web1.log), "environment")).toBe("prod");
    expect(view.tokens[0]?.redeemedBy).toEqual([toHex(web1.log)]);
  });

  it("are redeemed by their issuer, under their name, and by nobody else", async () => {
    const { peer, coordinator } = await withCoordinator();
    const web1 = await peer.enrol(alice, "web-1");
    const other = await peer.role(alice, web1, "coordinator");
    const token = await peer.token(alice, coordinator.log, { name: "web-2" });
    const body = peer.redeemBody(token, "web-2");
    expect(await refusal(peer, other, body)).toBe("only the token's issuer redeems it");
    expect(await refusal(peer, alice, body)).toBe("only the issuing coordinator redeems a token");
    expect(await refusal(peer, coordinator, peer.redeemBody(token, "web-3", "web-2"))).toBe(
      "the token is for another name",
    );
    const store = await peer.role(alice, web1, "secret-store");
    const forStore = await peer.token(alice, store.log, { id: bytesFor("store").subarray(0, 16) });
    expect(await refusal(peer, store, peer.redeemBody(forStore, "web-2"))).toBe("a role's log cannot carry redeem");
  });

  it("that a coordinator invents open nothing", async () => {
    const { peer, coordinator } = await withCoordinator();
    expect(await refusal(peer, coordinator, tokenBody(coordinator.log))).toBe("a role's log cannot carry token");
  });

  it("redeemed by two keys suspend both, when no operator's entry knows one without the other", async () => {
    const { peer, coordinator } = await withCoordinator();
    const token = await peer.token(alice, coordinator.log);
    const aside = await peer.twin();
    const first = await peer.redeem(coordinator, token, "web-1");
    const second = await aside.redeem(coordinator, token, "web-2");
    await peer.learnFrom(aside);
    expect([stateOf(peer, first), stateOf(peer, second)]).toEqual(["suspended", "suspended"]);
    await peer.enrol(alice, "web-9");
    expect([stateOf(peer, first), stateOf(peer, second)]).toEqual(["suspended", "suspended"]);
  });

  it("redeemed by two keys keep the one that an operator's entry had seen alone", async () => {
    const { peer, coordinator } = await withCoordinator();
    const token = await peer.token(alice, coordinator.log);
    const aside = await peer.twin();
    const first = await peer.redeem(coordinator, token, "web-1");
    await peer.role(alice, first, "secret-store");
    const second = await aside.redeem(coordinator, token, "web-2");
    await peer.learnFrom(aside);
    expect([stateOf(peer, first), stateOf(peer, second)]).toEqual(["active", "suspended"]);
  });

  it("redeemed twice by one key make one node, whichever redemption comes first", async () => {
    const { peer, coordinator } = await withCoordinator();
    const token = await peer.token(alice, coordinator.log, { roles: ["coordinator"] });
    const [one, two] = [await peer.twin(), await peer.twin()];
    const first = await one.redeem(coordinator, token, "web-1");
    const second = await two.redeem(coordinator, token, "web-2", "web-1");
    // The node writes to its role log knowing of the second redemption only.
    const mine = { ...second, log: second.roles.coordinator as Uint8Array };
    const own = await two.token(alice, mine.log, { id: bytesFor("own").subarray(0, 16) });
    const guest = await two.redeem(mine, own, "guest-1");
    await one.learnFrom(two);
    await two.learnFrom(one);
    expect(stateOf(one, guest)).toBe("active");
    expect(one.replica.view().nodes.size).toBe(3);
    expect(one.replica.view().nodeByKey(toHex(first.signer.publicKey))).toEqual(
      two.replica.view().nodeByKey(toHex(first.signer.publicKey)),
    );
    expect(toHex(one.replica.stateHash())).toBe(toHex(two.replica.stateHash()));
  });

  it("bring no key back that was cut after the token was made", async () => {
    const { peer, coordinator } = await withCoordinator();
    const token = await peer.token(alice, coordinator.log);
    const web1 = await peer.enrol(alice, "web-1");
    await peer.cut(alice, web1);
    const again = await peer.redeem(coordinator, token, "web-1");
    expect(stateOf(peer, again)).toBe("cut");
    const fresh = await peer.token(alice, coordinator.log, { id: bytesFor("fresh").subarray(0, 16) });
    expect(stateOf(peer, await peer.redeem(coordinator, fresh, "web-1"))).toBe("active");
  });

  it("let a redeemed coordinator redeem in turn", async () => {
    const { peer, coordinator } = await withCoordinator();
    const token = await peer.token(alice, coordinator.log, { roles: ["coordinator"] });
    const web1 = await peer.redeem(coordinator, token, "web-1");
    const second = { ...web1, log: web1.roles.coordinator as Uint8Array };
    const own = await peer.token(alice, second.log, { id: bytesFor("own").subarray(0, 16) });
    expect(stateOf(peer, await peer.redeem(second, own, "web-2"))).toBe("active");
  });
});

describe("names", () => {
  it("belong to nobody while two nodes of equal standing bear them", async () => {
    const peer = await Peer.of(founding);
    const aside = await peer.twin();
    const one = await peer.enrol(alice, "web-1", "web-1a");
    const two = await aside.enrol(alice, "web-1", "web-1b");
    await peer.learnFrom(aside);
    expect([namingOf(peer, one), namingOf(peer, two)]).toEqual(["contested", "contested"]);
    expect(peer.replica.view().nodeByName("web-1")).toBeUndefined();
  });

  it("stay with the node that an operator's entry had seen alone", async () => {
    const peer = await Peer.of(founding);
    const one = await peer.enrol(alice, "web-1", "web-1a");
    const two = await peer.enrol(alice, "web-1", "web-1b");
    expect([namingOf(peer, one), namingOf(peer, two)]).toEqual(["owned", "contested"]);
    expect(peer.replica.view().nodeByName("web-1")?.id).toBe(toHex(one.log));
  });

  it("go to the node of the senior operator", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const aside = await peer.twin();
    const juniors = await peer.enrol(bob, "web-1", "web-1a");
    const seniors = await aside.enrol(alice, "web-1", "web-1b");
    await peer.learnFrom(aside);
    expect([namingOf(peer, juniors), namingOf(peer, seniors)]).toEqual(["contested", "owned"]);
  });

  it("go to the node that came after the old one was cut", async () => {
    const peer = await Peer.of(founding);
    const old = await peer.enrol(alice, "web-1", "web-1a");
    await peer.cut(alice, old);
    const again = await peer.enrol(alice, "web-1", "web-1b");
    expect(namingOf(peer, again)).toBe("owned");
    expect(peer.replica.view().nodeByName("web-1")?.id).toBe(toHex(again.log));
  });
});

describe("entries that anybody could send", () => {
  it("are refused when the signature is forged", async () => {
    const peer = await Peer.of(founding);
    const entry = peer.compose(alice, grantBody("mallory"));
    const forged = sealEntry(keys, entry.header, entry.payload, (message) => [
      { scheme: SCHEME_ED25519, bytes: signerOf("mallory").sign(message) },
    ]);
    expect(await peer.admit([forged])).toMatchObject([{ state: "refused", reason: "the signature is wrong" }]);
    expect(await peer.admit([entry])).toMatchObject([{ state: "admitted" }]);
  });

  it("are refused when their log was opened by nothing in their past", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const entry = peer.compose(bob, grantBody("carol"), [founding.genesis]);
    const reason = "its log was opened by nothing in its past";
    expect(await peer.admit([entry])).toMatchObject([{ state: "refused", reason }]);
    const early = await Peer.of(founding);
    expect(await early.admit([entry])).toMatchObject([{ state: "refused", reason }]);
  });

  it("are refused when they grant to a key that verifies anything", async () => {
    const peer = await Peer.of(founding);
    const neutral = new Uint8Array(32);
    neutral[0] = 1;
    const body: KnownBody = { ...grantBody("bob"), key: neutral };
    expect(await refusal(peer, alice, body)).toBe("the key is not a safe Ed25519 key");
  });

  it("of another mesh are refused", async () => {
    const peer = await Peer.of(founding);
    const other = await Peer.of(found({ founders: { mallory: {} } }));
    const foreign = other.replica.graph.at(0).entry;
    expect(await peer.admit([foreign])).toMatchObject([{ state: "refused", reason: "genesis of another mesh" }]);
    const theirs = other.compose(found({ founders: { mallory: {} } }).founders.mallory as Author, grantBody("bob"));
    expect(await peer.admit([theirs])).toMatchObject([{ state: "refused", reason: "an entry of another mesh" }]);
  });

  it("wait for what they build on, and count as soon as it comes", async () => {
    const peer = await Peer.of(founding);
    const author = await peer.twin();
    const bob = await author.grant(alice, "bob");
    const web1 = await author.enrol(bob, "web-1");
    const grant = author.replica.graph.at(1).entry;
    expect(await peer.admit([web1.entry])).toMatchObject([{ state: "waiting" }]);
    expect(stateOf(peer, web1)).toBeUndefined();
    await peer.take([grant]);
    expect(stateOf(peer, web1)).toBe("active");
  });
});

describe("an entry of whoever knows everything", () => {
  it("takes effect, however many loose ends a junior has spun", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    const grant = peer.replica.graph.at(1).entry;
    const carol = await peer.grant(alice, "carol", { rank: 1 });
    const loose = Array.from({ length: 80 }, (_, i) =>
      peer.compose(bob, { type: "approve", entry: bytesFor(`${i}`) }, [grant]),
    );
    await peer.take(loose);
    expect(peer.replica.graph.tips.length).toBe(81);
    const cut = peer.compose(carol, cutBody(bob));
    expect(cut.header.parents.length).toBeLessThanOrEqual(64);
    await peer.take([cut]);
    expect(operatorState(peer, bob)).toBe("cut");
  });
});
