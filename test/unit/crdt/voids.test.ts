import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { dismissedPath } from "../../../src/core/paths.ts";
import type { VoidAct } from "../../../src/core/voids.ts";
import { keepOfLog, keepsOf } from "../../../src/crdt/keeps.ts";
import { whatIf } from "../../../src/crdt/what-if.ts";
import { AT, type Author, cutBody, found, keepOf, keys, type NodeAuthor, Peer } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;

async function house() {
  const here = await Peer.of(founding);
  return { here, bob: await here.grant(alice, "bob") };
}

/** What is void, in a few words each: who, what, why, what became of it. */
function told(peer: Peer): string[] {
  return peer.replica.view().voids().map(inWords).sort();
}

function inWords({ writer, said, because, state }: VoidAct): string {
  const what = said.kind === "write" ? `${said.path}=${JSON.stringify(said.value)}` : said.type;
  return `${writer} ${what} ${because.cause} ${state}`;
}

/** What `log` says about a key, as an operator's command finds it before a cut. */
const frontiers = (peer: Peer) => ({ graph: peer.replica.graph, ledgers: peer.replica.fold.ledgers });

describe("what is void", () => {
  it("is listed with who said it, and with the cut that took it", async () => {
    const { here, bob } = await house();
    await here.enrol(bob, "web-1");
    const kept = await here.write(bob, { "label/a": 1 });
    const lost = await here.write(bob, { "label/b": 2, "label/c": undefined });
    const carol = await here.grant(bob, "carol");
    await here.write(carol, { "label/x": 9 });
    const cut = await here.cut(alice, bob, [keepOf(bob, [], kept)]);
    expect(told(here)).toEqual([
      " label/x=9 opening unadopted",
      "bob enrol cut unadopted",
      "bob grant cut unadopted",
      "bob label/b=2 cut unadopted",
      "bob label/c=undefined cut unadopted",
    ]);
    const voids = here.replica.view().voids();
    expect(voids.find(({ said }) => said.kind === "write" && said.path === "label/b")).toMatchObject({
      entry: lost.id,
      log: toHex(bob.log),
      timeMs: lost.header.hlc.ms,
      because: { by: [cut.id] },
    });
    expect(voids.find(({ said }) => said.kind === "write" && said.path === "label/x")).toMatchObject({
      because: { cause: "opening", opening: toHex(carol.log), by: [cut.id] },
    });
  });

  it("is told from what was removed, until somebody says what becomes of it", async () => {
    const { here, bob } = await house();
    await here.write(alice, { "label/old": undefined });
    await here.write(bob, { "label/old": 1, "label/new": 1 });
    const standing = (path: string) => here.replica.view().standing(path);
    expect([standing("label/old"), standing("label/new"), standing("label/none")]).toEqual(["set", "set", "unwritten"]);
    await here.cut(alice, bob);
    expect([standing("label/old"), standing("label/new")]).toEqual(["void", "void"]);
    await here.write(alice, { "label/old": 1 });
    await here.write(alice, { "label/new": undefined });
    expect([standing("label/old"), standing("label/new")]).toEqual(["set", "removed"]);
    expect(told(here)).toEqual(["bob label/new=1 cut replaced", "bob label/old=1 cut adopted"]);
  });

  it("is answered by a write that names it, whatever its clock says", async () => {
    const { here, bob } = await house();
    await here.write(bob, { "label/a": "far ahead" }, { atMs: 4_000_000_000_000 });
    const { entry } = here.replica.view().desired("label/a") ?? { entry: "" };
    await here.cut(alice, bob);
    await here.write(alice, { "label/a": "known" }, { over: [], atMs: AT + 9000 });
    expect(told(here)).toEqual(['bob label/a="far ahead" cut unadopted']);
    expect(here.replica.view().voidsAt("label/a")).toHaveLength(1);
    await here.write(alice, { "label/a": "known" }, { over: [entry], atMs: AT + 9001 });
    expect(told(here)).toEqual(['bob label/a="far ahead" cut replaced']);
  });

  it("is what the next write at its path names by itself", async () => {
    const { here, bob } = await house();
    const lost = await here.write(bob, { "label/a": 1 });
    await here.cut(alice, bob);
    expect(here.replica.view().othersAt("label/a", toHex(alice.log))).toEqual([lost.id]);
  });

  it("can be dismissed, entry by entry, and then it is as if it had been removed", async () => {
    const { here, bob } = await house();
    const enrol = (await here.enrol(bob, "web-1")).entry;
    const lost = await here.write(bob, { "label/a": 1 });
    await here.cut(alice, bob);
    await here.write(alice, { [dismissedPath(lost.id)]: true, [dismissedPath(enrol.id)]: true });
    expect(told(here)).toEqual(["bob enrol cut dismissed", "bob label/a=1 cut dismissed"]);
    expect(here.replica.view().standing("label/a")).toBe("removed");
  });

  it("is adopted when somebody who counts says the same of members, roles and operators", async () => {
    const { here, bob } = await house();
    const nas1 = await here.enrol(alice, "nas-1");
    const carol = await here.grant(alice, "carol", { rank: 3 });
    await here.enrol(bob, "web-1");
    await here.role(bob, nas1, "secret-store");
    await here.cut(bob, carol);
    await here.cut(alice, bob);
    expect(told(here)).toEqual(["bob cut cut unadopted", "bob enrol cut unadopted", "bob role cut unadopted"]);
    await here.enrol(alice, "web-1");
    await here.role(alice, nas1, "secret-store");
    await here.cut(alice, carol);
    expect(told(here)).toEqual(["bob cut cut adopted", "bob enrol cut adopted", "bob role cut adopted"]);
  });

  it("counts again on every peer when the cut itself becomes void (I16)", async () => {
    const { here, bob } = await house();
    const carol = await here.grant(alice, "carol", { rank: 3 });
    await here.write(carol, { "label/a": 1 });
    await here.enrol(carol, "web-1");
    await here.cut(bob, carol);
    expect(told(here)).toHaveLength(2);
    await here.cut(alice, bob, [keepOf(bob, [])]);
    expect(told(here)).toEqual(["bob cut cut unadopted"]);
    expect(here.replica.view().desired("label/a")?.value).toBe(1);
    expect(here.replica.view().nodeByName("web-1")?.state).toBe("active");
  });

  it("after a fork is each branch of it, and of a settled one the other branch", async () => {
    const { here, bob } = await house();
    await here.write(bob, { "label/a": 1 });
    const there = await here.twin();
    const mine = await here.write(bob, { "label/b": "mine" });
    await there.write(bob, { "label/b": "copied" });
    await here.learnFrom(there);
    expect(told(here)).toEqual(['bob label/b="copied" fork unadopted', 'bob label/b="mine" fork unadopted']);
    const [fork] = here.replica.view().forks();
    expect(fork).toMatchObject({ log: toHex(bob.log), writer: "bob", of: "desired", seq: 2, state: "frozen" });
    expect(fork?.entries).toHaveLength(2);
    const pin = await here.checkpoint(alice, [mine]);
    expect(told(here)).toEqual(['bob label/b="copied" branch unadopted']);
    expect(here.replica.view().voids()[0]?.because).toEqual({ cause: "branch", by: [pin.id] });
  });

  it("is not what waits for other operators: that is pending, with who is behind it", async () => {
    const thorough = found({ founders: { alice: { need: { admin: 2, destroy: 1 } }, anna: {} } });
    const [one, anna] = [thorough.founders.alice as Author, thorough.founders.anna as Author];
    const here = await Peer.of(thorough);
    const enrol = await here.enrol(one, "web-1");
    expect([here.replica.view().voids(), here.replica.view().pending()]).toEqual([
      [],
      [
        {
          entry: enrol.entry.id,
          log: toHex(one.log),
          writer: "alice",
          type: "enrol",
          keys: [toHex(one.signer.publicKey)],
          need: 2,
        },
      ],
    ]);
    await here.say(anna, { type: "approve", entry: enrol.entry.hash });
    expect(here.replica.view().pending()).toEqual([]);
    expect(here.replica.view().nodeByName("web-1")?.state).toBe("active");
  });

  it("of a token's redemption is told by the token", async () => {
    const { here, bob } = await house();
    const nas1 = await here.enrol(alice, "nas-1");
    const coordinator = await here.role(alice, nas1, "coordinator");
    const token = await here.token(bob, coordinator.log);
    await here.redeem(coordinator, token, "web-1");
    await here.cut(alice, bob);
    expect(told(here)).toEqual(["bob token cut unadopted", "nas-1 redeem token unadopted"]);
  });
});

describe("concurrent entries of one operator's log", () => {
  it("both count, and are shown", async () => {
    const { here, bob } = await house();
    const there = await here.twin();
    await here.enrol(bob, "web-1");
    await there.enrol(bob, "web-2");
    await here.learnFrom(there);
    expect(["web-1", "web-2"].map((name) => here.replica.view().nodeByName(name)?.state)).toEqual(["active", "active"]);
    expect(here.replica.view().forks()).toMatchObject([{ writer: "bob", of: "authority", state: "concurrent" }]);
  });
});

describe("frontiers at the present heads", () => {
  it("of all logs of a key take nothing away that is known", async () => {
    const { here, bob } = await house();
    const nas1 = await here.enrol(bob, "nas-1");
    const coordinator = await here.role(bob, nas1, "coordinator");
    const token = await here.token(bob, coordinator.log);
    await here.redeem(coordinator, token, "web-1");
    await here.write(bob, { "label/a": 1 });
    const bobs = whatIf(
      here.replica,
      keys,
      toHex(alice.log),
      cutBody(bob, keepsOf(frontiers(here), toHex(bob.signer.publicKey))),
    );
    expect(bobs.voids).toEqual([]);
    expect(bobs.after.members).toEqual(bobs.before.members);
    const nas = cutBody(nas1, keepsOf(frontiers(here), toHex(nas1.signer.publicKey)));
    const of = whatIf(here.replica, keys, toHex(alice.log), nas);
    expect(of.voids).toEqual([]);
    expect(of.before.members.filter((id) => !of.after.members.includes(id))).toEqual([toHex(nas1.log)]);
  });

  it("end before the first entry that is lost, in every log", async () => {
    const { here, bob } = await house();
    const kept = await here.write(bob, { "label/a": 1 });
    const enrol = (await here.enrol(bob, "web-1")).entry;
    const lost = await here.write(bob, { "label/b": 1 });
    await here.enrol(bob, "web-2");
    const keep = keepOfLog(frontiers(here), toHex(bob.log), ({ id }) => id === lost.id || id === enrol.id);
    expect([keep.a, keep.l?.seq, keep.l && toHex(keep.l.hash)]).toEqual([null, 1, kept.id]);
  });
});

describe("asking before a cut", () => {
  it("names what would be void, above all what had removed somebody, and changes nothing", async () => {
    const { here, bob } = await house();
    const carol = await here.grant(alice, "carol", { rank: 3 });
    const nas1 = await here.enrol(alice, "nas-1");
    await here.role(alice, nas1, "coordinator");
    const start = await here.write(bob, { "label/a": 1 });
    await here.cut(bob, carol);
    await here.unrole(bob, nas1, "coordinator");
    await here.enrol(bob, "web-1");
    await here.write(bob, { "label/b": 1 });
    const before = here.replica.revision;
    const then = whatIf(here.replica, keys, toHex(alice.log), cutBody(bob, [keepOf(bob, [], start)]));
    expect(then.voids.map(inWords).sort()).toEqual([
      "bob cut cut unadopted",
      "bob enrol cut unadopted",
      "bob label/b=1 cut unadopted",
      "bob unrole cut unadopted",
    ]);
    expect(then.voids.every(({ because }) => because.cause === "cut" && because.by.includes(then.acts[0] ?? ""))).toBe(
      true,
    );
    expect(then.revocations.map(inWords).sort()).toEqual(["bob cut cut unadopted", "bob unrole cut unadopted"]);
    expect(then.after.operators.filter((log) => !then.before.operators.includes(log))).toEqual([toHex(carol.log)]);
    expect(then.after.roles).toEqual([{ node: toHex(nas1.log), label: "coordinator" }]);
    expect([here.replica.revision, told(here)]).toEqual([before, []]);
  });

  it("knows what a signed cut will do: afterwards exactly that is void", async () => {
    const { here, bob } = await house();
    await here.enrol(bob, "web-1");
    await here.write(bob, { "label/a": 1 });
    await here.write(bob, { "label/a": 2, "label/b": 1 });
    const body = cutBody(bob);
    const then = whatIf(here.replica, keys, toHex(alice.log), body);
    await here.say(alice, body);
    expect(then.voids.map(inWords).sort()).toEqual(told(here));
  });

  it("counts the act as approved, as that is what is asked about", async () => {
    const thorough = found({ founders: { alice: { need: { admin: 2, destroy: 1 } }, anna: {} } });
    const here = await Peer.of(thorough);
    const bob = await here.grant(thorough.founders.anna as Author, "bob");
    await here.enrol(bob, "web-1");
    const log = toHex((thorough.founders.alice as Author).log);
    expect(whatIf(here.replica, keys, log, cutBody(bob)).voids).toHaveLength(1);
  });

  it("about a role tells what its holder had let in", async () => {
    const { here } = await house();
    const nas1: NodeAuthor = await here.enrol(alice, "nas-1");
    const coordinator = await here.role(alice, nas1, "coordinator");
    const web1 = await here.redeem(coordinator, await here.token(alice, coordinator.log), "web-1");
    const unrole = { type: "unrole", node: nas1.log, label: "coordinator", at: 0 } as const;
    const bare = whatIf(here.replica, keys, toHex(alice.log), { ...unrole, keeps: [] });
    expect(bare.voids.map(inWords)).toEqual(["nas-1 redeem cut unadopted"]);
    expect(bare.before.members.filter((id) => !bare.after.members.includes(id))).toEqual([toHex(web1.log)]);
    const kept = [keepOfLog(frontiers(here), toHex(coordinator.log))];
    expect(whatIf(here.replica, keys, toHex(alice.log), { ...unrole, keeps: kept }).voids).toEqual([]);
  });
});
