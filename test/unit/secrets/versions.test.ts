import { expect, test } from "vitest";
import { secretVersionPath } from "../../../src/core/paths.ts";
import { versionsOf, writeVersion } from "../../../src/core/secrets/version.ts";
import { AT, bytesFor, found, Peer } from "../crdt/fixture.ts";

const PATH = secretVersionPath("web/tls");

function metadata(name: string, restores: string | null = null) {
  const [commitment, heads] = [bytesFor(name), bytesFor("heads")];
  return writeVersion({ class: "store", commitment, heads, tips: [], restores, body: null, atMs: AT });
}

test("of two who set a secret without knowing each other one wins everywhere, and the other's version is listed", async () => {
  const founding = found({ founders: { alice: {}, bob: {} } });
  const { alice, bob } = founding.founders;
  const [here, there] = [await Peer.of(founding), await Peer.of(founding)];
  const first = await here.write(alice!, { [PATH]: metadata("first") }, { atMs: AT });
  await there.learnFrom(here);
  const hers = await here.write(alice!, { [PATH]: metadata("hers") }, { atMs: AT + 1 });
  const his = await there.write(bob!, { [PATH]: metadata("his") }, { atMs: AT + 2 });
  await here.learnFrom(there);
  await there.learnFrom(here);
  const told = (peer: Peer) =>
    versionsOf(peer.replica.view(), "web/tls").map(({ version, standing }) => [version, standing]);
  expect(told(here)).toEqual([
    [his.id, "current"],
    [hers.id, "lost"],
    [first.id, "past"],
  ]);
  expect(told(there)).toEqual(told(here));
});

test("a removal leaves the versions before it listed, and a version may say whose value it has", async () => {
  const founding = found();
  const alice = founding.founders["alice"]!;
  const peer = await Peer.of(founding);
  const first = await peer.write(alice, { [PATH]: metadata("first") });
  await peer.write(alice, { [PATH]: undefined });
  const told = () =>
    versionsOf(peer.replica.view(), "web/tls").map(({ standing, metadata: { restores } }) => [standing, restores]);
  expect(told()).toEqual([["past", null]]);
  await peer.write(alice, { [PATH]: metadata("first", first.id) });
  expect(told()).toEqual([
    ["current", first.id],
    ["past", null],
  ]);
});
