import { afterEach, describe, expect, it } from "vitest";
import { settled } from "../../../sim/clock.ts";
import { type Link, PeerUnreachableError } from "../../../src/core/ports/link.ts";
import { bytes, Homelab, intercept, keyOf, type Machine, numbered } from "./homelab.ts";

/** The request of who has nothing. */
const EMPTY = new Uint8Array([0x80]);

let lab: Homelab;

afterEach(() => lab.end());

const note = (machine: Machine, ...texts: readonly string[]) => machine.notes.add(texts.map(bytes));
const everybodyHas = (text: string) => () => [...lab.machines.values()].every(({ notes }) => notes.all.has(text));

/** Machines whose gossip never arrives. */
async function startDeaf(names: readonly string[]): Promise<Machine[]> {
  lab.enrol(...names);
  const machines = names.map((name) => lab.machine(name, (link) => intercept(link, { broadcast: () => undefined })));
  await Promise.all(machines.map(({ mesh }) => mesh.start()));
  await lab.until(() => lab.isConnected, 10_000);
  return machines;
}

describe("anti-entropy", () => {
  it("brings everything to everybody without any gossip", async () => {
    lab = new Homelab("deaf");
    const [first, second] = await startDeaf(numbered("nas", 12));
    await lab.pass(20_000);
    note(first!, "from the first");
    note(second!, "from the second");
    const has = () => everybodyHas("from the first")() && everybodyHas("from the second")();
    expect(await lab.until(has, 60_000)).toBeLessThanOrEqual(40_000);
  });

  it("runs at once when a cut has healed", async () => {
    lab = new Homelab("healed");
    const [nas, web] = await startDeaf(["nas-1", "web-1"]);
    for (let i = 0; i < 5; i++) {
      lab.network.cut([nas!.key], [web!.key]);
      await lab.pass(60_000);
      note(nas!, `left ${i}`);
      note(web!, `right ${i}`);
      lab.network.heal();
      await lab.until(() => lab.isConnected, 30_000);
      const has = () => everybodyHas(`left ${i}`)() && everybodyHas(`right ${i}`)();
      expect(await lab.until(has, 30_000)).toBeLessThanOrEqual(500);
    }
  });

  it("begins the first round with a peer again when it failed, and not for ever", async () => {
    lab = new Homelab("torn");
    lab.enrol("nas-1", "web-1");
    let refused = 0;
    const torn = (link: Link) =>
      intercept(link, {
        broadcast: () => undefined,
        request: (peer, channel, body, timeoutMs) => {
          if (channel !== "sync" || lab.clock.monotonic() > 3_000) {
            return link.request(peer, channel, body, timeoutMs);
          }
          refused++;
          return Promise.reject(new PeerUnreachableError(peer, "the other connection stayed"));
        },
      });
    const [nas, web] = [lab.machine("nas-1", torn), lab.machine("web-1", torn)];
    note(nas, "from nas-1");
    await Promise.all([nas.mesh.start(), web.mesh.start()]);
    expect(await lab.until(everybodyHas("from nas-1"), 60_000)).toBeLessThanOrEqual(6_000);
    expect(refused).toBeGreaterThan(1);

    web.notes.answer = async () => bytes("nonsense");
    const before = nas.mesh.counters.roundFailures;
    lab.network.cut([nas.key], [web.key]);
    await lab.pass(60_000);
    lab.network.heal();
    await lab.until(() => lab.isConnected, 30_000);
    await lab.pass(60_000);
    // Four at the opening, and then one every ten seconds as ever.
    expect(nas.mesh.counters.roundFailures - before).toBeLessThan(20);
  });

  it("has one round with a peer at a time and few altogether; whoever asks meanwhile gets the next one", async () => {
    lab = new Homelab("slow", { delayMs: [200, 400] });
    const [nas] = await startDeaf(numbered("nas", 9));
    await lab.pass(20_000);
    const peers = nas!.mesh.connected();
    let now = 0;
    let most = 0;
    nas!.notes.begin = () => {
      most = Math.max(most, ++now);
      const outcome = { verdict: "same" as const, received: 0, sent: 0 };
      const next = async () => {
        now--;
        return null;
      };
      return { request: EMPTY, next, outcome };
    };
    const asked = peers.map((peer) => Array.from({ length: 5 }, () => nas!.mesh.catchUp(peer)));
    await lab.settle(Promise.all(asked.flat()));
    expect(peers.length).toBe(8);
    expect(most).toBe(3);
    for (const [first, ...others] of asked.slice(0, 3)) expect(new Set([first, ...others]).size).toBe(2);
    for (const waiting of asked.slice(3)) expect(new Set(waiting).size).toBe(1);
  });

  it("is not kept waiting by members that take long over every answer", async () => {
    lab = new Homelab("reluctant");
    const machines = await startDeaf(numbered("nas", 5));
    await lab.pass(20_000);
    const [nas, ...others] = machines;
    const [honest, ...reluctant] = others;
    for (const { notes } of reluctant) {
      notes.answer = () => new Promise((resolve) => lab.clock.after(9_000, () => resolve(EMPTY)));
    }
    // They answer each time just before it is too late, and there is always one question more.
    const outcome = { verdict: "same" as const, received: 0, sent: 0 };
    const usual = nas!.notes.begin.bind(nas!.notes);
    nas!.notes.begin = () => ({ request: EMPTY, next: async () => EMPTY, outcome });
    for (const { key } of reluctant) void nas!.mesh.catchUp(key);
    await settled();
    nas!.notes.begin = usual;
    note(honest!, "heard in time");
    void nas!.mesh.catchUp(honest!.key);
    expect(await lab.until(() => nas!.notes.all.has("heard in time"), 60_000)).toBeLessThanOrEqual(4_000);
  });

  it("catches up with a member that is not connected, and says what came of it", async () => {
    lab = new Homelab("asked");
    const machines = await startDeaf(numbered("nas", 20));
    await lab.pass(10_000);
    const nas = machines[0]!;
    const far = machines.find(({ key }) => key !== nas.key && !nas.mesh.connected().includes(key))!;
    note(far, "only there");
    expect(await lab.settle(nas.mesh.catchUp(far.key))).toEqual({ verdict: "same", received: 1, sent: 0 });
    expect(nas.notes.all).toContain("only there");
    expect(nas.exchanged).toContain(far.key);
    expect(await lab.settle(nas.mesh.catchUp(keyOf("nobody")))).toBeNull();
  });

  it("shows that a peer with equal entries has another state", async () => {
    lab = new Homelab("diverged");
    const [nas] = await startDeaf(["nas-1", "web-1"]);
    await lab.pass(10_000);
    nas!.notes.verdict = "diverged";
    await lab.settle(nas!.mesh.catchUp(keyOf("web-1")));
    expect(nas!.mesh.counters.divergences).toBe(1);
    expect(nas!.log.records).toContainEqual({
      level: "error",
      event: "mesh.sync.diverged",
      facts: { peer: keyOf("web-1") },
    });
  });

  it("survives answers that make no sense", async () => {
    lab = new Homelab("nonsense");
    const [nas, web] = await startDeaf(["nas-1", "web-1"]);
    await lab.pass(10_000);
    web!.notes.answer = async () => bytes("nonsense");
    const before = nas!.exchanged.length;
    expect(await lab.settle(nas!.mesh.catchUp(web!.key))).toBeNull();
    await lab.pass(60_000);
    expect(nas!.mesh.counters.roundFailures).toBeGreaterThan(3);
    expect(nas!.exchanged.length).toBe(before);
    expect(nas!.mesh.connected()).toEqual([web!.key]);
  });

  it("ends a round whose answers never end", async () => {
    lab = new Homelab("endless", { delayMs: [500, 500] });
    const [nas] = await startDeaf(["nas-1", "web-1"]);
    await lab.pass(10_000);
    const outcome = { verdict: "same" as const, received: 0, sent: 0 };
    nas!.notes.begin = () => ({ request: EMPTY, next: async () => EMPTY, outcome });
    const asked = nas!.mesh.catchUp(keyOf("web-1"));
    let ended: unknown = "not yet";
    void asked.then((outcome) => {
      ended = outcome;
    });
    await lab.pass(100_000);
    expect(ended).toBe("not yet");
    await lab.pass(150_000);
    await settled();
    expect(ended).toBeNull();
  });

  it("tells who takes this machine for a stranger, not while it may only be new there, and no more when it is known", async () => {
    lab = new Homelab("restored");
    lab.enrol("restored", "survivor", "other");
    lab.dissent.set("survivor", new Map([[keyOf("restored"), "stranger"]]));
    const machines = ["restored", "survivor", "other"].map((name) => lab.machine(name));
    const [restored, survivor, other] = machines as [Machine, Machine, Machine];
    await Promise.all(machines.map(({ mesh }) => mesh.start()));
    await lab.pass(20_000);
    expect(restored.mesh.connected()).toContain(survivor.key);
    expect(restored.mesh.strangerTo).toEqual([]);
    await lab.pass(100_000);
    expect(restored.mesh.strangerTo).toEqual([survivor.key]);
    expect([survivor.mesh.strangerTo, other.mesh.strangerTo]).toEqual([[], []]);

    lab.dissent.delete("survivor");
    for (const { mesh } of machines) mesh.membershipChanged();
    await lab.pass(60_000);
    expect(restored.mesh.strangerTo).toEqual([]);
  });
});
