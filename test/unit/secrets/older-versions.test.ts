import { describe, expect, test } from "vitest";
import { ascii } from "../../../src/core/bytes.ts";
import { secretVersionPath } from "../../../src/core/paths.ts";
import {
  CENSUS_CHANNEL,
  decodeCensus,
  decodeHeldPage,
  decodePutAnswer,
  encodeFetchRequest,
  encodeListRequest,
  LIST_CHANNEL,
  PUT_CHANNEL,
  RESTORE_CHANNEL,
} from "../../../src/core/secrets/messages.ts";
import { decodeEnvelope, encodeEnvelope, openEnvelope } from "../../../src/core/secrets/envelope.ts";
import { prepareSealed } from "../../../src/core/secrets/prepare.ts";
import { currentVersion, readVersion, writeVersion } from "../../../src/core/secrets/version.ts";
import { Secret } from "../../../src/core/secret.ts";
import { exampleHomelab, type Homelab, type Machine } from "./homelab.ts";

async function heldVersions(homelab: Homelab, store: Machine, path: string): Promise<string[]> {
  const request = encodeListRequest({ after: null, path });
  const answer = await homelab.within(store.peers.request(store.key, LIST_CHANNEL, request, 1000));
  return decodeHeldPage(answer).held.map(({ version }) => version);
}

/** Signs that the value of an older version is the current one again. */
function signReturn(homelab: Homelab, path: string, older: string): string {
  const { value } = homelab.state.history.get(secretVersionPath(path))!.find(({ entry }) => entry === older)!;
  return homelab.write(secretVersionPath(path), writeVersion({ ...readVersion(value)!, restores: older }));
}

async function restore(homelab: Homelab, from: Machine, store: Machine, path: string, version: string) {
  const request = encodeFetchRequest({ path, version });
  return decodePutAnswer(await homelab.within(from.peers.request(store.key, RESTORE_CHANNEL, request, 1000)));
}

describe("a return to an older version", () => {
  test("is made by a store itself, and reaches machines and the other store", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "nas-1": nas1, "nas-2": nas2, "pi-1": pi1 } = homelab.by;
    await homelab.set("web/tls", "good", web1);
    const { version: good } = currentVersion(web1.view(), "web/tls")!;
    await homelab.pass(1000);
    await homelab.set("web/tls", "typo", web1);
    await homelab.pass(1000);
    const again = signReturn(homelab, "web/tls", good);
    expect(await restore(homelab, pi1, nas1, "web/tls", again)).toEqual({ stored: true });
    await homelab.pass(70_000);
    expect(await web1.read("web/tls")).toBe("good");
    expect(await heldVersions(homelab, nas2, "web/tls")).toContain(again);
  });

  test("is refused where the older value is not, and cannot be had by anybody's word alone", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "nas-1": nas1, "pi-1": pi1 } = homelab.by;
    await homelab.set("web/tls", "good", web1);
    const forged = { path: "web/tls", version: "00".repeat(32) };
    expect(await restore(homelab, pi1, nas1, forged.path, forged.version)).toMatchObject({ stored: false });
    const { version } = currentVersion(web1.view(), "web/tls")!;
    const lie = readVersion(homelab.state.desired.get("version/web/tls")!.value)!;
    // An operator's entry that names another commitment than the older value's own: no store makes an envelope of it.
    const commitment = homelab.keys.hash(ascii("another value"));
    const wrong = homelab.write("version/web/tls", writeVersion({ ...lie, commitment, restores: version }));
    expect(await restore(homelab, pi1, nas1, "web/tls", wrong)).toEqual({
      stored: false,
      reason: "the older value is not here",
    });
    expect(await heldVersions(homelab, nas1, "web/tls")).not.toContain(wrong);
  });

  test("after a removal has the value that was removed", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "nas-1": nas1, "pi-1": pi1 } = homelab.by;
    await homelab.set("web/tls", "good", web1);
    const { version: good } = currentVersion(web1.view(), "web/tls")!;
    homelab.remove("version/web/tls");
    await homelab.pass(5000);
    const again = signReturn(homelab, "web/tls", good);
    expect(await restore(homelab, pi1, nas1, "web/tls", again)).toEqual({ stored: true });
    await homelab.pass(70_000);
    expect(await web1.read("web/tls")).toBe("good");
  });
});

test("a new store gets the older versions, too, and says how far it is", async () => {
  const homelab = await exampleHomelab();
  const { "web-1": web1, "nas-1": nas1, "pi-1": pi1 } = homelab.by;
  for (const value of ["1", "2", "3"]) {
    await homelab.set("web/tls", value, web1);
    await homelab.pass(1000);
  }
  homelab.role("pi-1", "secret-store");
  await pi1.becomeStore();
  await homelab.pass(5000);
  expect(await heldVersions(homelab, pi1, "web/tls")).toEqual(await heldVersions(homelab, nas1, "web/tls"));
  const census = await homelab.within(web1.peers.request(pi1.key, CENSUS_CHANNEL, new Uint8Array(0), 1000));
  expect(decodeCensus(census)).toEqual({ current: 1, held: 1, toWrap: 0, vouched: "fresh" });
});

describe("a secret of class sealed", () => {
  async function sealed(homelab: Homelab, value: string, readers: readonly Machine[]) {
    const { keys, random, mesh } = homelab;
    const facts = { keys, random, mesh, path: "web/tls", value: new Secret(ascii(value)), tips: [] };
    const heads = homelab.headsOf(homelab.state).authority;
    const prepared = await prepareSealed(
      { ...facts, heads, nowMs: homelab.clock.now() },
      readers.map(({ seal }) => seal.recipient),
    );
    const version = homelab.write("version/web/tls", prepared.metadata);
    return { version, envelope: prepared.finish(version) };
  }

  async function put(homelab: Homelab, from: Machine, to: Machine, envelope: Uint8Array) {
    return decodePutAnswer(await homelab.within(from.peers.request(to.key, PUT_CHANNEL, envelope, 1000)));
  }

  test("reaches the machines that it was sealed to, and no store can open what it carries", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "web-2": web2, "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    const { envelope, version } = await sealed(homelab, "for web alone", [web1, web2]);
    expect(await put(homelab, web1, nas1, envelope)).toEqual({ stored: true });
    await homelab.pass(70_000);
    expect([await web1.read("web/tls"), await web2.read("web/tls")]).toEqual(["for web alone", "for web alone"]);
    expect(await heldVersions(homelab, nas2, "web/tls")).toEqual([version]);
    for (const { seal } of [nas1, nas2]) {
      expect(await openEnvelope(homelab.keys, seal, homelab.mesh, decodeEnvelope(envelope))).toBeNull();
    }
  });

  test("is served by label alone to nobody else, and a machine it was not sealed to says why it has nothing", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "web-2": web2, "nas-1": nas1 } = homelab.by;
    const { envelope } = await sealed(homelab, "for web-1 alone", [web1]);
    await put(homelab, web1, nas1, envelope);
    await homelab.pass(5000);
    expect(await web1.read("web/tls")).toBe("for web-1 alone");
    await expect(web2.read("web/tls")).rejects.toThrow("no store gave it");
    const reasons = web2.log.records.filter(({ event }) => event === "secret-cache.refused");
    expect(reasons.map(({ facts }) => facts.reason)).toContain(
      "its writer sealed it to others: it has to be set again",
    );
  });

  test("is taken by no store when a byte, a recipient or the class is another", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "nas-1": nas1, "pi-1": pi1 } = homelab.by;
    const honest = decodeEnvelope((await sealed(homelab, "for web", [web1])).envelope);
    const flipped = honest.sealedValue.map((byte, at) => (at === 3 ? byte ^ 1 : byte));
    for (const altered of [
      { ...honest, sealedValue: flipped },
      { ...honest, recipients: [pi1.seal.recipient] },
      { ...honest, class: "store" },
    ]) {
      expect(await put(homelab, pi1, nas1, encodeEnvelope(altered))).toMatchObject({ stored: false });
    }
    expect(await put(homelab, pi1, nas1, encodeEnvelope(honest))).toEqual({ stored: true });
  });

  test("can be returned to, and stays sealed to the same machines", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1, "nas-1": nas1, "pi-1": pi1 } = homelab.by;
    const first = await sealed(homelab, "good", [web1]);
    await put(homelab, web1, nas1, first.envelope);
    const second = await sealed(homelab, "typo", [web1]);
    await put(homelab, web1, nas1, second.envelope);
    const again = signReturn(homelab, "web/tls", first.version);
    expect(await restore(homelab, pi1, nas1, "web/tls", again)).toEqual({ stored: true });
    await homelab.pass(70_000);
    expect(await web1.read("web/tls")).toBe("good");
  });
});
