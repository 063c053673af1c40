import { describe, expect, test } from "vitest";
import {
  CENSUS_CHANNEL,
  decodeCensus,
  decodeGetAnswer,
  decodeHeldPage,
  decodePutAnswer,
  encodeGetRequest,
  encodeListRequest,
  GET_CHANNEL,
  LIST_CHANNEL,
  PUT_CHANNEL,
} from "../../../src/core/secrets/messages.ts";
import { currentVersion } from "../../../src/core/secrets/version.ts";
import { exampleHomelab, type Homelab, type Machine } from "./homelab.ts";

/** Cuts the power of a store in the middle of its n-th write from now on. */
function cutAt(machine: Machine, n: number): { cuts: number } {
  const counter = { cuts: 0 };
  let left = n;
  const arm = (): void =>
    machine.roleDisk.atNextWrite(() => {
      if (--left > 0) return arm();
      machine.power = "off";
      machine.roleDisk.crash();
      counter.cuts++;
    });
  arm();
  return counter;
}

async function heldVersions(homelab: Homelab, store: Machine): Promise<string[]> {
  const request = encodeListRequest({ after: null, path: "web/tls" });
  const answer = await homelab.within(store.peers.request(store.key, LIST_CHANNEL, request, 1000));
  return decodeHeldPage(answer).held.map(({ version }) => version);
}

describe("a power cut in a store", () => {
  // Two sets, a new store that is filled and wrapped for, one that leaves, so that all is sealed anew, and another set.
  test.each(Array.from({ length: 7 }, (_, i) => i + 1))(
    "in the middle of its write %i loses nothing that it had acknowledged, and leaves nothing half-written",
    async (n) => {
      const homelab = await exampleHomelab();
      const { "nas-1": nas1, "nas-2": nas2, "web-1": web1, "pi-1": pi1 } = homelab.by;
      const acknowledged: string[] = [];
      const revive = async (): Promise<void> => {
        if (nas1.power === "on") return;
        await nas1.restart();
        const held = await heldVersions(homelab, nas1);
        for (const version of acknowledged) expect(held).toContain(version);
      };
      const set = async (value: string): Promise<void> => {
        const { version, envelope } = await homelab.sign("web/tls", value);
        for (const store of [nas1, nas2, pi1]) {
          web1.peers
            .request(store.key, PUT_CHANNEL, envelope, 1000)
            .then((answer) => store === nas1 && decodePutAnswer(answer).stored && acknowledged.push(version))
            .catch(() => undefined);
        }
        await homelab.pass(500);
        await revive();
      };
      const counter = cutAt(nas1, n);
      await set("1");
      await set("2");
      homelab.role("pi-1", "secret-store");
      await pi1.becomeStore();
      await homelab.pass(3000);
      await revive();
      homelab.role("nas-2");
      await nas2.leaveStore("label-removed");
      await homelab.pass(3000);
      await revive();
      await set("3");
      await homelab.pass(70_000);
      await revive();
      await homelab.pass(70_000);

      expect(counter.cuts).toBe(1);
      expect(await web1.read("web/tls")).toBe("3");
      for (const store of [nas1, pi1]) {
        expect(await heldVersions(homelab, store)).toContain(currentVersion(web1.view(), "web/tls")?.version);
        const census = await homelab.within(web1.peers.request(store.key, CENSUS_CHANNEL, new Uint8Array(0), 1000));
        expect(decodeCensus(census)).toEqual({ current: 1, held: 1, toWrap: 0, vouched: "fresh" });
        expect(store.log.records.filter(({ event }) => event.includes("damaged"))).toEqual([]);
      }
    },
  );
});

test("a store set back to yesterday, whose machine was removed meanwhile, gives that machine nothing", async () => {
  const homelab = await exampleHomelab();
  const { "nas-1": nas1, "web-1": web1 } = homelab.by;
  await homelab.set("web/tls", "hunter2", web1);
  const yesterday = nas1.roleDisk.image();
  nas1.hears = "nothing";
  nas1.power = "off";
  const knownYesterday = homelab.headsOf(nas1.state);
  homelab.putNode(web1, { state: "cut" });
  await homelab.set("web/tls", "after the removal", homelab.by["web-2"]);
  nas1.roleDisk.setBack(yesterday);
  expect(nas1.view().nodes.get(web1.id)?.state).toBe("active");
  await nas1.restart();

  // It says that it knows no more than the store does.
  const request = encodeGetRequest({ path: "web/tls", ...knownYesterday });
  const answer = await homelab.within(web1.peers.request(nas1.key, GET_CHANNEL, request, 1000));
  expect(decodeGetAnswer(answer)).toEqual({ state: "none" });
  expect(nas1.audits.at(-1)).toMatchObject({ actor: "node:web-1", decision: "denied", reason: "not entitled" });
});
