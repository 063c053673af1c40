import { expect, test } from "vitest";
import { SimClock } from "../../../sim/clock.ts";
import { SimDisk } from "../../../sim/disk.ts";
import { seededRandom } from "../../../sim/random.ts";
import { decodeAudit } from "../../../src/core/audit.ts";
import { toHex } from "../../../src/core/bytes.ts";
import { CLASS_AUDIT } from "../../../src/crdt/entry/entry.ts";
import { OwnLogs } from "../../../src/node/home/own-logs.ts";
import { scopedDisk } from "../../../src/node/scoped-disk.ts";
import { AT, type Author, found, keys, Peer } from "../crdt/fixture.ts";

/** nas-1, which continues its logs once `sure` is called. */
async function startStore() {
  const disk = new SimDisk({ random: seededRandom("grants") });
  const founding = found();
  const peer = await Peer.of(founding, scopedDisk(disk, "entries/"));
  const nas1 = await peer.enrol(founding.founders["alice"] as Author, "nas-1");
  const node = toHex(nas1.log);
  const own = new OwnLogs({
    ...{ replica: peer.replica, keys, clock: new SimClock(), signer: nas1.signer },
    disk: scopedDisk(disk, "own/"),
    node: () => node,
  });
  const told = () =>
    (peer.replica.chain(node, CLASS_AUDIT)?.links() ?? []).map(({ entry }) => decodeAudit(entry.payload));
  const grant = (version: number) =>
    own.audit({
      ...{ actor: "node:web-1", action: "secret.read", object: `web/n${version}`, decision: "allowed", reason: "" },
      timeMs: AT,
    });
  return { disk, own, told, grant };
}

test("a hundred grants that are asked for together are on record in their order, by two syncs of the disk", async () => {
  const { disk, own, told, grant } = await startStore();
  await own.becomeSure();
  const { syncs } = disk.counters;
  const first = grant(0);
  const others = Array.from({ length: 99 }, (_, i) => grant(i + 1));
  await first;
  await Promise.all(others);
  expect(disk.counters.syncs - syncs).toBeLessThanOrEqual(2);
  expect(told().map((record) => record.object)).toEqual(Array.from({ length: 100 }, (_, i) => `web/n${i}`));
});

test("none of the grants is answered while the disk takes nothing, and each is on record once it does", async () => {
  const { disk, own, told, grant } = await startStore();
  await own.becomeSure();
  disk.full = true;
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, (_, i) => grant(i)));
  expect(outcomes.map(({ status }) => status)).toEqual(Array(5).fill("rejected"));
  disk.full = false;
  await grant(5);
  expect(told().map((record) => record.object)).toContain("web/n5");
});

test("grants of a store that is not sure of its head are on its disk, and signed in their order when it is", async () => {
  const { own, told, grant } = await startStore();
  await Promise.all(Array.from({ length: 10 }, (_, i) => grant(i)));
  expect(told()).toEqual([]);
  await own.becomeSure();
  expect(told().map((record) => record.object)).toEqual(Array.from({ length: 10 }, (_, i) => `web/n${i}`));
});
