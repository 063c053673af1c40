import { beforeEach, describe, expect, test } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { encode } from "../../../src/core/encoding.ts";
import { secretPath } from "../../../src/core/paths.ts";
import { encodeGetRequest, GET_CHANNEL } from "../../../src/core/secrets/messages.ts";
import { currentVersion } from "../../../src/core/secrets/version.ts";
import { exampleHomelab, type Machine } from "./homelab.ts";

const PATH = "web/session-key";
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const OVERLAP_MS = 10 * MINUTE_MS;
/** Within it a value that is due is made and fetched. */
const MADE_MS = 2 * MINUTE_MS;

let homelab: Awaited<ReturnType<typeof exampleHomelab>>;
let web1: Machine;
let nas1: Machine;
/** Of the value that was replaced last. */
let old: { readonly value: string; readonly version: string };

const current = () => currentVersion(nas1.view(), PATH)!;
const before = ({ cache }: Machine) => {
  const held = cache.heldBefore(PATH);
  return held === null ? null : { value: String.fromCharCode(...held.value.reveal()), version: held.version };
};
const onDisk = async ({ cacheDisk }: Machine) => (await cacheDisk.scan("before/")).map(({ key }) => key);

beforeEach(async () => {
  homelab = await exampleHomelab();
  ({ "web-1": web1, "nas-1": nas1 } = homelab.by);
  const declared = {
    type: "dynamic",
    generator: "random",
    rotateEverySeconds: 3600,
    overlapSeconds: OVERLAP_MS / 1000,
  };
  homelab.write(secretPath(PATH), declared);
  await homelab.pass(5000);
  old = { value: await web1.read(PATH), version: current().version };
  await homelab.pass(HOUR_MS - 5000 + MADE_MS);
});

describe("while a value and the one before are both valid", () => {
  test("a machine holds both, and says until when", async () => {
    expect(await web1.read(PATH)).not.toBe(old.value);
    expect(before(web1)).toEqual(old);
    expect(web1.cache.list()).toMatchObject([
      { path: PATH, state: "fresh", before: { version: old.version, untilMs: current().metadata.atMs + OVERLAP_MS } },
    ]);
    expect(await onDisk(web1)).toEqual([`before/${PATH}`]);
  });

  test("a cold start has both, with everything else dead", async () => {
    for (const machine of homelab.machines.values()) if (machine !== web1) machine.power = "off";
    await web1.restart();
    expect(before(web1)).toEqual(old);
  });

  test("a machine that comes in between is given both, and asks for the one before once", async () => {
    const { "pi-1": pi1 } = homelab.by;
    homelab.label("pi-1", "web");
    await homelab.pass(5000);
    expect(before(pi1)).toEqual(old);
    const asked = homelab.wire.filter(({ from, channel }) => from === "pi-1" && channel === GET_CHANNEL);
    expect(asked).toHaveLength(2);
    expect(nas1.audits.concat(homelab.by["nas-2"].audits)).toContainEqual(
      expect.objectContaining({
        actor: "node:pi-1",
        decision: "allowed",
        facts: expect.objectContaining({ version: old.version }),
      }),
    );
  });

  test("whoever is entitled to nothing is given neither, and a third version nobody", async () => {
    const ask = async (from: Machine, version: string) => {
      const request = encodeGetRequest({ path: PATH, version, ...homelab.headsOf(from.state) });
      return toHex(await homelab.within(from.peers.request(nas1.key, GET_CHANNEL, request, 1000)));
    };
    const none = toHex(encode({ v: 1, state: "none" }));
    expect(await ask(homelab.by["mail-1"], old.version)).toBe(none);
    expect(await ask(web1, "ab".repeat(32))).toBe(none);
    expect(await ask(web1, old.version)).not.toBe(none);
    await homelab.pass(OVERLAP_MS);
    expect(await ask(web1, old.version)).toBe(none);
  });

  test("the one that lost its label has neither", async () => {
    homelab.unlabel("web-1", "web");
    await homelab.pass(5000);
    expect(before(web1)).toBeNull();
    expect(await onDisk(web1)).toEqual([]);
    expect(web1.cache.list()).toEqual([]);
  });
});

test("when the overlap is over the one before is gone from the machine, and nobody has to tell it", async () => {
  for (const machine of homelab.machines.values()) if (machine !== web1) machine.power = "off";
  let told = 0;
  web1.cache.onChange(() => told++);
  await homelab.pass(OVERLAP_MS);
  expect(before(web1)).toBeNull();
  expect(await onDisk(web1)).toEqual([]);
  expect(told).toBeGreaterThan(0);
  expect(web1.cache.list()).toMatchObject([{ path: PATH, state: "fresh", before: null }]);
});

test("a value that is made because somebody has the old one leaves no overlap", async () => {
  const exposed = { path: PATH, version: current().version, type: "dynamic" as const, deadlineMs: null, holders: [] };
  homelab.exposures = () => [{ ...exposed, sinceMs: homelab.clock.now() }];
  homelab.label("pi-1", "noticed");
  await homelab.pass(10_000);
  expect(current().metadata.before).toBeUndefined();
  expect(before(web1)).toBeNull();
  expect(await onDisk(web1)).toEqual([]);
});
