import { describe, expect, test } from "vitest";
import { ascii, toHex } from "../../../src/core/bytes.ts";
import { decode, encode } from "../../../src/core/encoding.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope, sealEnvelope } from "../../../src/core/secrets/envelope.ts";
import { freshnessHandler } from "../../../src/core/secrets/freshness.ts";
import {
  CENSUS_CHANNEL,
  decodeCensus,
  decodeGetAnswer,
  decodeHeldPage,
  decodePutAnswer,
  decodeServed,
  encodeFetchRequest,
  encodeGetRequest,
  encodeListRequest,
  FETCH_CHANNEL,
  GET_CHANNEL,
  LIST_CHANNEL,
  PUT_CHANNEL,
} from "../../../src/core/secrets/messages.ts";
import { Secret } from "../../../src/core/secret.ts";
import { storeRecipients } from "../../../src/core/policy/entitlement.ts";
import { currentVersion } from "../../../src/core/secrets/version.ts";
import { exampleHomelab, type Homelab, type Machine } from "./homelab.ts";

const VALUES: Record<string, string> = {
  "web/tls": "value of web/tls",
  "web/session-key": "value of web/session-key",
  "mail/dkim": "value of mail/dkim",
  "db/password": "value of db/password",
  "dns/zone-key": "value of dns/zone-key",
  "root/ca": "value of root/ca",
};
const NOWHERE = "never/set";

function askFor(homelab: Homelab, from: Machine, path: string): Uint8Array {
  return encodeGetRequest({ path, ...homelab.headsOf(from.state) });
}

function ask(homelab: Homelab, from: Machine, to: Machine, path: string): Promise<Uint8Array> {
  return homelab.within(from.peers.request(to.key, GET_CHANNEL, askFor(homelab, from, path), 1000));
}

async function valueFor(homelab: Homelab, from: Machine, to: Machine, path: string): Promise<string | null> {
  const answer = decodeGetAnswer(await ask(homelab, from, to, path));
  if (answer.state !== "value") return null;
  const opened = await homelab.keys.open(from.seal, answer.sealed);
  const { content } = decodeServed(opened!);
  return "value" in content ? String.fromCharCode(...content.value.reveal()) : "sealed";
}

async function put(homelab: Homelab, from: Machine, to: Machine, envelope: Uint8Array) {
  return decodePutAnswer(await homelab.within(from.peers.request(to.key, PUT_CHANNEL, envelope, 1000)));
}

async function heldBy(homelab: Homelab, store: Machine) {
  const answer = await homelab.within(
    homelab.machines.get("pi-1")!.peers.request(store.key, LIST_CHANNEL, encodeListRequest({ after: null }), 1000),
  );
  return decodeHeldPage(answer).held.map(({ path }) => path);
}

/** The envelope in a record of a store's disk. */
function envelopeIn(record: Uint8Array): Envelope {
  return decodeEnvelope((decode(record) as { envelope: Uint8Array }).envelope);
}

async function homelabWithValues() {
  const homelab = await exampleHomelab();
  for (const [path, value] of Object.entries(VALUES)) await homelab.set(path, value, homelab.by["web-1"]);
  return homelab;
}

describe("a secret store asked for values", () => {
  test("gives every node exactly the declared set", async () => {
    const homelab = await homelabWithValues();
    const table: Record<string, string[]> = {};
    for (const [name, machine] of homelab.machines) {
      const given: string[] = [];
      for (const path of [...Object.keys(VALUES), NOWHERE]) {
        const value = await valueFor(homelab, machine, homelab.by["nas-1"], path);
        if (value !== null) given.push(path);
        expect(value ?? VALUES[path]).toBe(VALUES[path]);
      }
      table[name] = given.sort();
    }
    expect(table).toEqual({
      "nas-1": ["dns/zone-key"],
      "nas-2": ["dns/zone-key"],
      "web-1": ["dns/zone-key", "web/session-key", "web/tls"],
      "web-2": ["db/password", "dns/zone-key", "web/session-key", "web/tls"],
      "mail-1": ["db/password", "dns/zone-key", "mail/dkim"],
      "pi-1": ["dns/zone-key"],
    });
  });

  test("answers for what is absent and what is forbidden byte by byte alike, also to path tricks", async () => {
    const homelab = await homelabWithValues();
    const { "pi-1": pi1, "nas-1": nas1 } = homelab.by;
    const answers = [];
    for (const path of ["root/ca", "web/tls", NOWHERE, "../web/tls", "web", "", "WEB/TLS", "x".repeat(900)]) {
      answers.push(toHex(await ask(homelab, pi1, nas1, path)));
    }
    // Entitled, and never set: absent is absent.
    homelab.declare("web", "web/tls", NOWHERE);
    answers.push(toHex(await ask(homelab, homelab.by["web-1"], nas1, NOWHERE)));
    expect(new Set(answers).size).toBe(1);
  });

  test("records what it gave and what it refused, under the name that the connection proved", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1 } = homelab.by;
    nas1.audits.length = 0;
    await ask(homelab, web1, nas1, "web/tls");
    await ask(homelab, web1, nas1, "mail/dkim");
    await ask(homelab, web1, nas1, "../mail/dkim");
    const { version } = currentVersion(web1.view(), "web/tls")!;
    const facts = { node: web1.id, version, times: 1, sinceMs: expect.any(Number) };
    expect(nas1.audits).toEqual([
      { actor: "node:web-1", action: "secret.read", object: "web/tls", decision: "allowed", reason: "", facts },
      { actor: "node:web-1", action: "secret.read", object: "mail/dkim", decision: "denied", reason: "not entitled" },
      {
        actor: "node:web-1",
        action: "secret.read",
        object: "(not a path)",
        decision: "denied",
        reason: "not entitled",
      },
    ]);
  });

  test("seals what it gives to the requester: nobody else can open it", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "web-2": web2, "nas-1": nas1 } = homelab.by;
    const answer = decodeGetAnswer(await ask(homelab, web1, nas1, "web/tls"));
    if (answer.state !== "value") throw new Error("not given");
    expect(await homelab.keys.open(web2.seal, answer.sealed)).toBeNull();
    expect(await homelab.keys.open(nas1.seal, answer.sealed)).toBeNull();
  });

  test("gives nothing any more to a node that lost its label or was cut", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "web-2": web2, "nas-1": nas1 } = homelab.by;
    homelab.unlabel("web-1", "web");
    expect(await valueFor(homelab, web1, nas1, "web/tls")).toBeNull();
    homelab.putNode(web2, { state: "cut" });
    expect(await valueFor(homelab, web2, nas1, "web/tls")).toBeNull();
  });

  test("learns what the requester knows before it answers, and answers not at all if it cannot", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1 } = homelab.by;
    nas1.hears = "nothing";
    homelab.unlabel("web-1", "web");
    expect(await valueFor(homelab, web1, nas1, "web/tls")).toBeNull();
    homelab.label("web-1", "web");
    nas1.catchUp = () => Promise.reject(new Error("no exchange"));
    await expect(ask(homelab, web1, nas1, "web/tls")).rejects.toThrow("no exchange");
  });

  test("drops a value that its disk has damaged and takes it from another store", async () => {
    const homelab = await homelabWithValues();
    await homelab.pass(10_000);
    const { "web-1": web1, "nas-1": nas1 } = homelab.by;
    const [record] = await nas1.roleDisk.scan("envelope/web/tls@");
    const envelope = envelopeIn(record!.value);
    const sealedValue = envelope.sealedValue.map((byte) => byte ^ 1);
    const value = encode({ v: 1, storedMs: 1, envelope: encodeEnvelope({ ...envelope, sealedValue }) });
    await nas1.roleDisk.append([{ key: record!.key, value }], true);

    expect(decodeGetAnswer(await ask(homelab, web1, nas1, "web/tls")).state).toBe("missing");
    await homelab.pass(5000);
    expect(await valueFor(homelab, web1, nas1, "web/tls")).toBe(VALUES["web/tls"]);
  });

  test("has whoever asks wait for a value that is being brought, and gives it only to who may have it by then", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "web-2": web2, "nas-1": nas1 } = homelab.by;
    const { envelope } = await homelab.sign("web/tls", "brought");
    const asking = [web1, web2].map((from) => {
      return from.peers.request(nas1.key, GET_CHANNEL, askFor(homelab, from, "web/tls"), 5000);
    });
    await homelab.pass(700);
    homelab.unlabel("web-2", "web");
    await put(homelab, web1, nas1, envelope);
    const [given, taken] = await homelab.within(Promise.all(asking));
    expect(decodeGetAnswer(given!).state).toBe("value");
    expect(decodeGetAnswer(taken!).state).toBe("none");
  });

  test("says that it lacks a value that only others hold", async () => {
    const homelab = await exampleHomelab();
    await homelab.sign("web/tls", "x");
    const askedMs = homelab.clock.monotonic();
    expect(decodeGetAnswer(await ask(homelab, homelab.by["web-1"], homelab.by["nas-1"], "web/tls"))).toEqual({
      state: "missing",
    });
    expect(homelab.clock.monotonic() - askedMs).toBeLessThan(2000);
    await homelab.pass(10_000);
    const laterMs = homelab.clock.monotonic();
    const later = await ask(homelab, homelab.by["web-1"], homelab.by["nas-1"], "web/tls");
    expect(decodeGetAnswer(later)).toEqual({ state: "missing" });
    expect(homelab.clock.monotonic() - laterMs).toBeLessThan(200);
  });
});

describe("freshness of a secret store", () => {
  test("is vouched for by the other store, and by a coordinator, for five minutes of its own clock", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1, "nas-2": nas2, "pi-1": pi1 } = homelab.by;
    const vouched = async () =>
      (decodeGetAnswer(await ask(homelab, web1, nas1, "web/tls")) as { vouched: string }).vouched;
    expect(await vouched()).toBe("fresh");
    nas2.power = "off";
    await homelab.pass(100_000);
    expect(await vouched()).toBe("fresh");
    await homelab.pass(200_000);
    expect(await vouched()).toBe("unvouched");
    homelab.role("pi-1", "coordinator");
    pi1.becomeSigner();
    await homelab.pass(6000);
    expect(await vouched()).toBe("fresh");
  });

  test("is its own word only where nobody else could say more", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    nas2.power = "off";
    await homelab.pass(600_000);
    const answer = () => ask(homelab, web1, nas1, "web/tls").then(decodeGetAnswer);
    expect(await answer()).toMatchObject({ state: "value", vouched: "unvouched" });
    homelab.role("nas-2");
    expect(await answer()).toMatchObject({ state: "value", vouched: "fresh" });
  });

  test("comes to a store that was alone as soon as there is somebody who can vouch for it", async () => {
    const homelab = await exampleHomelab();
    const { "nas-1": nas1, "pi-1": pi1 } = homelab.by;
    homelab.role("nas-2");
    await homelab.pass(400_000);
    homelab.role("pi-1", "secret-store");
    await pi1.becomeStore();
    await homelab.pass(5000);
    const census = await homelab.within(pi1.peers.request(nas1.key, CENSUS_CHANNEL, new Uint8Array(0), 1000));
    expect(decodeCensus(census).vouched).toBe("fresh");
  });

  test("missing, leaves plain secrets served and audited as unvouched, and strict ones refused and audited", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    homelab.strict("web/session-key");
    expect(await valueFor(homelab, web1, nas1, "web/session-key")).toBe(VALUES["web/session-key"]);
    nas2.power = "off";
    await homelab.pass(600_000);
    nas1.audits.length = 0;
    expect(await valueFor(homelab, web1, nas1, "web/tls")).toBe(VALUES["web/tls"]);
    expect(decodeGetAnswer(await ask(homelab, web1, nas1, "web/session-key"))).toEqual({ state: "unvouched" });
    expect(nas1.audits.map(({ object, decision, reason }) => [object, decision, reason])).toEqual([
      ["web/tls", "allowed", "unvouched"],
      ["web/session-key", "denied", "strict, and no signer vouches for this store"],
    ]);
  });

  test("is not given by a signature that the signer did not make, nor by an ex-signer", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1, "nas-2": nas2, "mail-1": mail1 } = homelab.by;
    nas2.power = "off";
    await homelab.pass(600_000);
    nas2.power = "on";
    const forged = mail1.context();
    nas2.handlers.set("freshness/secret-store", freshnessHandler(forged));
    await homelab.pass(70_000);
    expect(decodeGetAnswer(await ask(homelab, web1, nas1, "web/tls"))).toMatchObject({ vouched: "unvouched" });
  });

  test("brings what the signer knows: a revocation is known before the lease counts", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    nas1.side = 1;
    web1.side = 1;
    nas1.hears = "nothing";
    web1.hears = "nothing";
    homelab.unlabel("web-1", "web");
    await homelab.pass(600_000);
    expect(decodeGetAnswer(await ask(homelab, web1, nas1, "web/tls"))).toMatchObject({ vouched: "unvouched" });
    nas2.side = 1;
    await homelab.pass(70_000);
    expect(decodeGetAnswer(await ask(homelab, web1, nas1, "web/tls"))).toEqual({ state: "none" });
  });
});

describe("a secret store that cannot hear of a removal", () => {
  test("gives who was removed what it had, unvouched, and nothing that was made since, however long it is cut off", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1 } = homelab.by;
    for (const machine of [nas1, web1]) {
      machine.side = 1;
      machine.hears = "nothing";
    }
    homelab.putNode(web1, { state: "cut" });
    await homelab.set("web/tls", "made since", homelab.by["web-2"]);
    for (let days = 0; days < 3; days++) {
      await homelab.pass(24 * 3_600_000);
      expect(await valueFor(homelab, web1, nas1, "web/tls")).toBe(VALUES["web/tls"]);
      expect(decodeGetAnswer(await ask(homelab, web1, nas1, "web/tls"))).toMatchObject({ vouched: "unvouched" });
    }
  });

  test("does not take a value that was set since, from a member that keeps the removal back", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1, "mail-1": mail1 } = homelab.by;
    for (const machine of [nas1, web1, mail1]) {
      machine.side = 1;
      machine.hears = "nothing";
    }
    const { nodes, acts } = homelab.state;
    homelab.putNode(web1, { state: "cut" });
    const { envelope } = await homelab.sign("web/tls", "made since");
    // All but what was decided meanwhile.
    for (const machine of [nas1, web1, mail1]) machine.learn({ ...homelab.state, nodes, acts });
    expect(await put(homelab, mail1, nas1, envelope)).toMatchObject({ stored: false });
    expect(await valueFor(homelab, web1, nas1, "web/tls")).toBeNull();
    nas1.learn({ ...homelab.state, revision: homelab.state.revision + 1 });
    expect(await put(homelab, mail1, nas1, envelope)).toEqual({ stored: true });
    expect(await valueFor(homelab, web1, nas1, "web/tls")).toBeNull();
  });
});

describe("a secret store handed an envelope", () => {
  test("takes the current version from any member, twice as once, and says so", async () => {
    const homelab = await exampleHomelab();
    const { "pi-1": pi1, "nas-1": nas1 } = homelab.by;
    const { envelope } = await homelab.sign("web/tls", "hunter2");
    expect(await put(homelab, pi1, nas1, envelope)).toEqual({ stored: true });
    expect(await put(homelab, pi1, nas1, envelope)).toEqual({ stored: true });
    expect(nas1.audits.at(-1)).toMatchObject({ actor: "node:pi-1", action: "secret.store", object: "web/tls" });
  });

  test("has it on disk when it says so", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    nas2.power = "off";
    await homelab.set("web/tls", "hunter2", web1);
    await nas1.restart();
    expect(await valueFor(homelab, web1, nas1, "web/tls")).toBe("hunter2");
  });

  test("says why it cannot, when its disk is full", async () => {
    const homelab = await exampleHomelab();
    homelab.by["nas-1"].roleDisk.full = true;
    expect(await homelab.set("web/tls", "hunter2", homelab.by["web-1"])).toEqual([
      { name: "nas-1", stored: false, reason: "the disk is full" },
      { name: "nas-2", stored: true },
    ]);
  });

  test("catches up with who brings it before it judges", async () => {
    const homelab = await exampleHomelab();
    const { "pi-1": pi1, "nas-1": nas1 } = homelab.by;
    nas1.hears = "nothing";
    const { envelope } = await homelab.sign("web/tls", "hunter2");
    expect(await put(homelab, pi1, nas1, envelope)).toEqual({ stored: true });
  });

  test("takes a version that came late or lost, so that it can be returned to; the current one is served", async () => {
    const homelab = await exampleHomelab();
    const { "pi-1": pi1, "nas-1": nas1 } = homelab.by;
    const [late, current] = [await homelab.sign("web/tls", "late"), await homelab.sign("web/tls", "current")];
    expect(await put(homelab, pi1, nas1, current.envelope)).toEqual({ stored: true });
    expect(await put(homelab, pi1, nas1, late.envelope)).toEqual({ stored: true });
    expect(await heldBy(homelab, nas1)).toEqual(["web/tls", "web/tls"]);
    expect(await valueFor(homelab, homelab.by["web-1"], nas1, "web/tls")).toBe("current");
  });

  test("refuses a version older than those that are kept, one that nobody signed, and what is no envelope", async () => {
    const homelab = await exampleHomelab();
    const { "pi-1": pi1, "nas-1": nas1 } = homelab.by;
    const old = await homelab.sign("web/tls", "old");
    for (const value of ["2", "3", "4", "5"]) await homelab.sign("web/tls", value);
    const { envelope } = await homelab.sign("web/tls", "new");
    const reason = "this is no version of the secret that is kept";
    expect(await put(homelab, pi1, nas1, old.envelope)).toEqual({ stored: false, reason });
    const invented = encodeEnvelope({ ...decodeEnvelope(envelope), version: "00".repeat(32) });
    expect(await put(homelab, pi1, nas1, invented)).toEqual({ stored: false, reason });
    expect(await put(homelab, pi1, nas1, ascii("junk"))).toMatchObject({ stored: false });
    expect(nas1.audits.filter(({ decision }) => decision === "denied").map(({ object }) => object)).toEqual([
      "web/tls",
      "web/tls",
      "(not an envelope)",
    ]);
    expect(await heldBy(homelab, nas1)).toEqual([]);
  });

  test("refuses another value than the writer committed to, and one that was altered or is not for it", async () => {
    const homelab = await exampleHomelab();
    const { "mail-1": mallory, "nas-1": nas1 } = homelab.by;
    const { version, envelope } = await homelab.sign("web/tls", "hunter2");
    const honest = decodeEnvelope(envelope);
    const forge = async (value: string, recipients: readonly string[]) => {
      const committed = { nonce: homelab.random.bytes(32), value: new Secret(ascii(value)) };
      return encodeEnvelope(await sealEnvelope(homelab, homelab.mesh, { ...honest, version }, committed, recipients));
    };
    const stores = storeRecipients(nas1.view());
    const attempts = {
      "it is not the value that its writer signed": await forge("hunter3", stores),
      "it is not sealed to this store": await forge("hunter2", [mallory.seal.recipient]),
      "a sealed value is damaged or was altered": encodeEnvelope({
        ...honest,
        sealedValue: honest.sealedValue.map((b) => b ^ 1),
      }),
      "its class is not the one that its writer signed": encodeEnvelope({ ...honest, class: "sealed" }),
    };
    for (const [reason, attempt] of Object.entries(attempts)) {
      expect(await put(homelab, mallory, nas1, attempt)).toEqual({ stored: false, reason });
    }
    expect(await heldBy(homelab, nas1)).toEqual([]);
    expect(await put(homelab, mallory, nas1, envelope)).toEqual({ stored: true });
  });

  test("keeps the versions before it, at most five in all", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "nas-1": nas1 } = homelab.by;
    for (const value of ["1", "2", "3", "4", "5", "6", "7"]) {
      await homelab.set("web/tls", value, web1);
      await homelab.pass(1000);
    }
    expect(await heldBy(homelab, nas1)).toEqual(Array(5).fill("web/tls"));
    expect(await valueFor(homelab, web1, nas1, "web/tls")).toBe("7");
  });

  test("keeps the value of a secret that was removed", async () => {
    const homelab = await homelabWithValues();
    homelab.remove("version/web/tls");
    await homelab.pass(5000);
    expect(await heldBy(homelab, homelab.by["nas-1"])).toContain("web/tls");
    expect(await valueFor(homelab, homelab.by["web-1"], homelab.by["nas-1"], "web/tls")).toBeNull();
  });
});

describe("secret stores among themselves", () => {
  test("fill each other with what one of them was not there to hear", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    nas2.power = "off";
    for (const [path, value] of Object.entries(VALUES)) await homelab.set(path, value, web1);
    nas2.power = "on";
    await homelab.pass(70_000);
    expect(await heldBy(homelab, nas2)).toEqual(await heldBy(homelab, nas1));
    nas1.power = "off";
    expect(await valueFor(homelab, web1, nas2, "web/tls")).toBe(VALUES["web/tls"]);
  });

  test("fill a new one, which can then serve alone", async () => {
    const homelab = await homelabWithValues();
    const { "mail-1": mail1, "pi-1": pi1, "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    homelab.role("pi-1", "secret-store");
    await pi1.becomeStore();
    await homelab.pass(5000);
    nas1.power = "off";
    nas2.power = "off";
    expect(await valueFor(homelab, mail1, pi1, "mail/dkim")).toBe(VALUES["mail/dkim"]);
  });

  test("wrap what they hold to the recovery code as soon as there is one", async () => {
    const homelab = await homelabWithValues();
    const paper = await homelab.keys.createSealIdentity();
    homelab.recovery(paper.recipient);
    await homelab.pass(5000);
    const records = await homelab.by["nas-1"].roleDisk.scan("envelope/");
    expect(records).toHaveLength(6);
    for (const { value } of records) {
      const { wrapped } = envelopeIn(value);
      expect(await homelab.keys.open(paper, wrapped)).not.toBeNull();
    }
  });

  test("seal everything anew when one of them leaves", async () => {
    const homelab = await homelabWithValues();
    const { "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    homelab.role("nas-2");
    await homelab.pass(5000);
    for (const { value } of await nas1.roleDisk.scan("envelope/")) {
      const { wrapped } = envelopeIn(value);
      expect(await homelab.keys.open(nas2.seal, wrapped)).toBeNull();
    }
  });

  test("give no envelope to a node that is none, whatever it says", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1 } = homelab.by;
    const wanted = encodeFetchRequest({
      path: "web/tls",
      version: homelab.state.desired.get("version/web/tls")!.entry,
    });
    await expect(homelab.within(web1.peers.request(nas1.key, FETCH_CHANNEL, wanted, 1000))).rejects.toThrow(
      "only secret stores",
    );
    expect(nas1.audits.at(-1)).toMatchObject({ actor: "node:web-1", action: "secret.replicate", decision: "denied" });
  });

  test("refuse what another one altered", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    nas2.power = "off";
    await homelab.set("web/tls", "hunter2", web1);
    nas1.lie = async (channel, answer) =>
      channel === FETCH_CHANNEL ? answer.map((byte, at) => (at === 60 ? byte ^ 1 : byte)) : answer;
    nas2.power = "on";
    await homelab.pass(70_000);
    expect(await heldBy(homelab, nas2)).toEqual([]);
  });
});

describe("a secret store that loses its label", () => {
  test("stops serving at once, and forgets what another store holds", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1 } = homelab.by;
    homelab.role("nas-1");
    const stopping = nas1.leaveStore("label-removed");
    await expect(ask(homelab, web1, nas1, "web/tls")).rejects.toThrow("no secret store any more");
    await stopping;
    expect(await nas1.roleDisk.scan("")).toEqual([]);
    expect(nas1.log.records.some(({ event }) => event === "secret-store.forgotten")).toBe(true);
  });

  test("serves no more by its view, before anybody stops it, and sends nothing that was on its way out", async () => {
    const homelab = await homelabWithValues();
    const { "web-1": web1, "nas-1": nas1 } = homelab.by;
    // The label goes in the moment in which the grant is written down.
    nas1.audits.push = (...records) => {
      homelab.role("nas-1");
      return records.length;
    };
    await expect(ask(homelab, web1, nas1, "web/tls")).rejects.toThrow("no secret store any more");
    nas1.audits.push = () => expect.unreachable("work was done for a request that nobody may make");
    await expect(ask(homelab, web1, nas1, "web/tls")).rejects.toThrow("no secret store any more");
  });

  test("keeps everything while no other store holds all of it, and has it when the label returns", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    await homelab.set("web/session-key", "both have it", web1);
    nas2.power = "off";
    await homelab.set("web/tls", "hunter2", web1);
    for (const power of ["off", "on"] as const) {
      nas2.power = power;
      nas2.handlers.delete(FETCH_CHANNEL);
      homelab.role("nas-1");
      await nas1.leaveStore("label-removed");
      expect(nas1.log.records.at(-1)).toMatchObject({
        level: "warn",
        event: "secret-store.kept",
        facts: { values: 2 },
      });
      homelab.role("nas-1", "secret-store");
      await nas1.becomeStore();
      expect(await valueFor(homelab, web1, nas1, "web/tls")).toBe("hunter2");
      nas1.handlers.delete(FETCH_CHANNEL);
    }
  });

  test("while it is off forgets when it is back, and keeps what it cannot tell that it should forget", async () => {
    const homelab = await homelabWithValues();
    const { "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    await nas1.leaveStore("agent-stops");
    homelab.state = { ...homelab.state, formerStores: new Set() };
    homelab.role("nas-1");
    expect(await nas1.clearRemains()).toBe("kept");
    homelab.role("nas-1", "secret-store");
    homelab.role("nas-1");
    nas2.power = "off";
    expect(await nas1.clearRemains()).toBe("kept");
    expect(await nas1.roleDisk.scan("envelope/")).toHaveLength(6);
    nas2.power = "on";
    expect(await nas1.clearRemains()).toBe("clear");
    expect(await nas1.roleDisk.scan("")).toEqual([]);
  });

  test("and its membership forgets without asking, as nobody answers; the last one keeps what nobody else has", async () => {
    const homelab = await homelabWithValues();
    const { "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    for (const store of [nas1, nas2]) {
      store.power = "off";
      homelab.putNode(store, { state: "cut", roles: new Set() });
      await store.leaveStore("label-removed");
    }
    expect(await nas1.roleDisk.scan("")).toEqual([]);
    expect(await nas2.roleDisk.scan("envelope/")).toHaveLength(6);
    expect(nas2.log.records.at(-1)).toMatchObject({ event: "secret-store.kept" });
  });

  test("loses nothing when only its agent ends", async () => {
    const homelab = await homelabWithValues();
    const { "nas-1": nas1 } = homelab.by;
    await nas1.leaveStore("agent-stops");
    expect(await nas1.roleDisk.scan("envelope/")).toHaveLength(6);
  });
});
