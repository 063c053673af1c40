import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { type Author, found, Peer } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;

async function house() {
  const here = await Peer.of(founding);
  const nas = await here.enrol(alice, "nas-1");
  await here.role(alice, nas, "secret-store");
  return { here, nas };
}

const told = (peer: Peer) =>
  peer.replica
    .view()
    .departures()
    .map(({ name, from }) => `${name} ${from}`);

describe("who left", () => {
  it("is nobody in a mesh in which everybody is what it was", async () => {
    const { here } = await house();
    await here.enrol(alice, "web-1");
    expect(told(here)).toEqual([]);
  });

  it("is a store that lost its label, and no longer once it has it again", async () => {
    const { here, nas } = await house();
    await here.unrole(alice, nas, "secret-store");
    expect(told(here)).toEqual(["nas-1 stores"]);
    await here.role(alice, nas, "secret-store");
    expect(told(here)).toEqual([]);
  });

  it("is a machine that was cut, and as a store as well if it was one", async () => {
    const { here, nas } = await house();
    const web = await here.enrol(alice, "web-1");
    await here.cut(alice, web);
    await here.cut(alice, nas);
    expect(told(here).sort()).toEqual(["nas-1 mesh", "nas-1 stores", "web-1 mesh"]);
  });

  it("is not who lost another label", async () => {
    const { here, nas } = await house();
    await here.role(alice, nas, "coordinator");
    await here.unrole(alice, nas, "coordinator");
    expect(told(here)).toEqual([]);
  });

  it("is an operator's key that was cut, and no longer once somebody lets it in again", async () => {
    const { here } = await house();
    const bob = await here.grant(alice, "bob");
    expect(told(here)).toEqual([]);
    await here.cut(alice, bob);
    expect(told(here)).toEqual(["bob operators"]);
    expect(here.replica.view().departures()).toMatchObject([{ id: toHex(bob.signer.publicKey), name: "bob" }]);
    await here.grant(alice, "bob");
    expect(told(here)).toEqual([]);
  });

  it("is known to whoever has the act in its past, and to nobody who wrote beside it", async () => {
    const { here, nas } = await house();
    const before = here.replica.graph.tips.map(({ entry }) => entry.id);
    const unrole = await here.unrole(alice, nas, "secret-store");
    const later = await here.enrol(alice, "web-1");
    const [departure] = here.replica.view().departures();
    expect(departure?.isKnownTo(before)).toBe(false);
    expect(departure?.isKnownTo([])).toBe(false);
    expect(departure?.isKnownTo(["ff".repeat(32)])).toBe(false);
    expect(departure?.isKnownTo([unrole.id])).toBe(true);
    expect(departure?.isKnownTo([toHex(later.log)])).toBe(true);
  });
});
