import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import type { Json } from "../../../src/core/json.ts";
import { FleetReader, fleetOf } from "../../../src/core/model/fleet-reader.ts";
import {
  alertPath,
  declaredServerPath,
  groupPath,
  labelPath,
  scanPath,
  secretPath,
  serverAttributePath,
  serverLabelPath,
  sizePath,
} from "../../../src/core/paths.ts";
import type { ChainHeader, Entry } from "../../../src/crdt/entry/entry.ts";
import type { View } from "../../../src/core/view.ts";
import { type Author, found, keepOf, Peer } from "../crdt/fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;

/** What a view says by itself, and what whoever reads only changes makes of it. */
function expectSame(reader: FleetReader, view: View): void {
  const plain = (fleet: ReturnType<typeof fleetOf>) =>
    Object.fromEntries(
      Object.entries(fleet).map(([name, part]) => [name, part instanceof Map ? [...part].sort(byKey) : part]),
    );
  expect(plain(reader.read(view))).toEqual(plain(fleetOf(view)));
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

describe("reading only what has changed", () => {
  it("gives what reading everything gives, whatever is written, joins, is cut or becomes void", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(999), { minLength: 4, maxLength: 14 }), async (steps) => {
        const peer = await Peer.of(founding);
        const bob = await peer.grant(alice, "bob");
        const nodes = [await peer.enrol(alice, "web-1"), await peer.enrol(alice, "db-1")];
        let bobs: Entry<ChainHeader> | null = null;
        const reader = new FleetReader();
        expectSame(reader, peer.replica.view());
        for (const [i, step] of steps.entries()) {
          const node = toHex((nodes[step % nodes.length] as Author).log);
          const values: readonly (Json | undefined)[] = [
            { ports: [step] },
            undefined,
            7,
            { labels: ["web"], region: "eu" },
          ];
          const paths = [
            labelPath("web"),
            groupPath("all"),
            alertPath("low"),
            sizePath("small"),
            secretPath("web/tls"),
            scanPath("nginx"),
            declaredServerPath("web-1"),
            declaredServerPath("new-1"),
            serverLabelPath(node, "web"),
            serverAttributePath(node, "region"),
          ];
          const path = paths[step % paths.length] as string;
          const isServer = path.startsWith("server/");
          const value = isServer ? [true, undefined, "eu"][step % 3] : values[step % values.length];
          const entry = await peer.write(step % 2 === 0 ? alice : bob, { [path]: value });
          // What bob wrote later than his first entry becomes void with the cut.
          if (step % 2 === 1) bobs ??= entry;
          if (step % 13 === 0) nodes.push(await peer.enrol(alice, `nas-${i}`));
          if (step % 17 === 0 && i > 2) {
            await peer.cut(alice, bob, [keepOf(bob, null, bobs)]);
            expectSame(reader, peer.replica.view());
            break;
          }
          if (step % 3 !== 0) expectSame(reader, peer.replica.view());
        }
        expectSame(reader, peer.replica.view());
      }),
      { numRuns: 25 },
    );
  });

  it("keeps the records of servers that nobody wrote about", async () => {
    const peer = await Peer.of(founding);
    const [web, db] = [await peer.enrol(alice, "web-1"), await peer.enrol(alice, "db-1")];
    const reader = new FleetReader();
    const before = reader.read(peer.replica.view());
    await peer.write(alice, { [serverLabelPath(toHex(web.log), "web")]: true });
    const after = reader.read(peer.replica.view());
    expect(after.servers.map(({ labels }) => labels)).toEqual([[], ["web"]]);
    expect(after.servers[0]).toBe(before.servers[0]);
    expect(after.servers[0]?.id).toBe(toHex(db.log));
    expect(reader.read(peer.replica.view())).toBe(after);
    await peer.write(alice, { "version/web/tls": { class: "store" } });
    expect(reader.read(peer.replica.view()).servers).toBe(after.servers);
  });
});
