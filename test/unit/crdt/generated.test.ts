import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { CLASS_GENERATED } from "../../../src/crdt/entry/entry.ts";
import { keepOfLog } from "../../../src/crdt/keeps.ts";
import { Replica } from "../../../src/crdt/replica.ts";
import { type Author, found, keys, memoryDisk, Peer, picture } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;
const GENERATED = { class: CLASS_GENERATED };
const DYNAMIC = { type: "dynamic", generator: "random" };
const PATH = "version/db/password";

async function house(disk = memoryDisk()) {
  const here = await Peer.of(founding, disk);
  const nas = await here.enrol(alice, "nas-1");
  return { here, nas, store: await here.role(alice, nas, "secret-store") };
}

const valueAt = (peer: Peer, path = PATH) => peer.replica.view().desired(path)?.value;

describe("a version that a store signs", () => {
  it("counts where an operator's declaration names a generator", async () => {
    const { here, store } = await house();
    await here.write(alice, { "secret/db/password": DYNAMIC });
    const entry = await here.write(store, { [PATH]: { at: 1 } }, GENERATED);
    expect(here.replica.view().desired(PATH)).toMatchObject({ value: { at: 1 }, entry: entry.id });
  });

  it("counts nowhere else: no label, no declaration, no secret that somebody sets", async () => {
    const { here, store } = await house();
    await here.write(alice, { "secret/mail/relay": { type: "static", generator: "random" }, "version/mail/relay": 1 });
    const paths = ["label/web", "secret/db/password", "version/mail/relay", "version/never/declared", "mesh/x"];
    for (const path of paths) await here.write(store, { [path]: DYNAMIC }, { ...GENERATED, over: [] });
    expect(paths.map((path) => valueAt(here, path))).toEqual([undefined, undefined, 1, undefined, undefined]);
    expect(here.replica.view().isWritten("version/never/declared")).toBe(false);
    expect(here.replica.view().conflicts()).toEqual([]);
  });

  it("supersedes nothing where it does not count", async () => {
    const { here, store } = await house();
    const set = await here.write(alice, { [PATH]: "set by hand" });
    await here.write(store, { [PATH]: "made" }, { ...GENERATED, over: [set.id] });
    expect(valueAt(here)).toBe("set by hand");
  });

  it("begins to count with the declaration and ends with it, whichever came first", async () => {
    const { here, store } = await house();
    const early = await here.write(store, { [PATH]: "made" }, GENERATED);
    expect(valueAt(here)).toBeUndefined();
    await here.write(alice, { "secret/db/password": DYNAMIC });
    expect(here.replica.view().desired(PATH)?.entry).toBe(early.id);
    await here.write(alice, { "secret/db/password": { type: "static" } });
    expect(valueAt(here)).toBeUndefined();
    expect(here.replica.view().standing(PATH)).toBe("unwritten");
    expect(here.replica.view().changedSince(here.replica.view().mark)).toEqual([]);
  });

  it("gives way to what an operator sets who has seen it, and the next one takes its place again", async () => {
    const { here, store } = await house();
    await here.write(alice, { "secret/db/password": DYNAMIC });
    await here.write(store, { [PATH]: "first" }, GENERATED);
    await here.write(alice, { [PATH]: "by hand" });
    expect(valueAt(here)).toBe("by hand");
    await here.write(store, { [PATH]: "second" }, GENERATED);
    expect(valueAt(here)).toBe("second");
    expect(here.replica.view().conflicts()).toEqual([]);
  });

  it("made on both sides of a cut at once has one winner on every peer, and the other is kept and listed", async () => {
    const { here, store } = await house();
    const other = await here.role(alice, await here.enrol(alice, "nas-2"), "secret-store");
    await here.write(alice, { "secret/db/password": DYNAMIC });
    const there = await here.twin();
    await here.write(store, { [PATH]: "here" }, GENERATED);
    await there.write(other, { [PATH]: "there" }, GENERATED);
    await here.learnFrom(there);
    await there.learnFrom(here);
    expect(picture(here)).toEqual(picture(there));
    const [conflict] = here.replica.view().conflicts();
    expect(new Set([conflict?.winner, ...(conflict?.losers ?? [])].map((side) => side?.value))).toEqual(
      new Set(["here", "there"]),
    );
  });

  it("is refused in any other log than a store's", async () => {
    const { here, nas } = await house();
    const coordinator = await here.role(alice, nas, "coordinator");
    for (const author of [coordinator, nas, alice]) {
      const entry = here.composeWrite(author, { [PATH]: "made" }, { ...GENERATED, over: [] });
      expect(await here.admit([entry])).toMatchObject([{ state: "refused" }]);
    }
  });

  it("stays when the label goes, up to the frontier that was seen; what comes later is void", async () => {
    const { here, nas, store } = await house();
    await here.write(alice, { "secret/db/password": DYNAMIC, "secret/web/key": DYNAMIC });
    await here.write(store, { [PATH]: "seen" }, GENERATED);
    const frontiers = { graph: here.replica.graph, ledgers: here.replica.fold.ledgers };
    await here.unrole(alice, nas, "secret-store", [keepOfLog(frontiers, toHex(store.log))]);
    await here.write(store, { "version/web/key": "unseen" }, GENERATED);
    expect([valueAt(here), valueAt(here, "version/web/key")]).toEqual(["seen", undefined]);
    expect(here.replica.view().standing("version/web/key")).toBe("void");
  });

  it("freezes at a fork: what a store signed twice counts for nobody", async () => {
    const { here, store } = await house();
    await here.write(alice, { "secret/db/password": DYNAMIC });
    await here.write(store, { [PATH]: "first" }, GENERATED);
    const one = here.composeWrite(store, { [PATH]: "one" }, GENERATED);
    const other = here.composeWrite(store, { [PATH]: "other" }, GENERATED);
    await here.take([one, other]);
    expect(valueAt(here)).toBe("first");
    expect(here.replica.view().forks()).toMatchObject([{ of: "desired", state: "frozen" }]);
  });

  it("is read again from disk", async () => {
    const disk = memoryDisk();
    const { here, store } = await house(disk);
    await here.write(alice, { "secret/db/password": DYNAMIC });
    for (let i = 0; i < 5; i++) await here.write(store, { [PATH]: i }, GENERATED);
    await here.replica.sumUp(2);
    const again = new Replica(keys, here.mesh, disk);
    await again.load();
    expect(again.view().desired(PATH)).toEqual(here.replica.view().desired(PATH));
    expect(toHex(again.stateHash())).toBe(toHex(here.replica.stateHash()));
  });
});
