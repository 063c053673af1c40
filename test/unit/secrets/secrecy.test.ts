import { inspect } from "node:util";
import { expect, test } from "vitest";
import { ascii, toBase64Url, toHex } from "../../../src/core/bytes.ts";
import { LabError } from "../../../src/core/errors.ts";
import { exampleHomelab } from "./homelab.ts";

const CANARY = "canary-7f3a-do-not-sing";

/** The canary in every spelling in which a careless line might have written it. */
const SPELLINGS = [
  CANARY,
  toHex(ascii(CANARY)),
  toBase64Url(ascii(CANARY)),
  [...ascii(CANARY)].join(),
  [...ascii(CANARY)].join(", "),
];

function sings(thing: unknown): boolean {
  const text =
    thing instanceof Uint8Array
      ? Buffer.from(thing).toString("latin1")
      : inspect(thing, { depth: null, maxArrayLength: null });
  return SPELLINGS.some((spelling) => text.includes(spelling));
}

test("a value is in no message, log, audit, state or error, and on no disk in the clear", async () => {
  const homelab = await exampleHomelab();
  const { "web-1": web1, "web-2": web2, "nas-1": nas1, "nas-2": nas2, "pi-1": pi1 } = homelab.by;
  nas2.power = "off";
  await homelab.set("web/tls", CANARY, web1);
  nas2.power = "on";
  await homelab.pass(70_000);
  expect(await web1.read("web/tls")).toBe(CANARY);
  const refusal: unknown = await pi1.read("web/tls").catch((error: unknown) => error);
  expect([refusal instanceof LabError, sings(refusal)]).toEqual([true, false]);
  homelab.role("pi-1", "secret-store");
  await pi1.becomeStore();
  await homelab.pass(70_000);
  homelab.role("nas-1");
  await nas1.leaveStore("label-removed");
  await web2.restart();
  expect(await web2.read("web/tls")).toBe(CANARY);
  await homelab.sign("web/tls", "another");
  expect(await web1.read("web/tls")).toBe(`stale: ${CANARY}`);

  expect(homelab.wire.map(({ channel }) => channel)).toEqual(
    expect.arrayContaining(["secret/put", "secret/get", "secret/list", "secret/fetch", "freshness/secret-store"]),
  );
  for (const { from, to, channel, body, answer } of homelab.wire) {
    expect([from, to, channel, sings(body), sings(answer)]).toEqual([from, to, channel, false, false]);
  }
  expect(sings([...homelab.state.desired])).toBe(false);
  for (const machine of homelab.machines.values()) {
    for (const disk of [machine.roleDisk, machine.cacheDisk]) {
      for (const { key, value } of await disk.scan(""))
        expect([machine.name, key, sings(value)]).toEqual([machine.name, key, false]);
    }
    expect(machine.log.records.filter((record) => sings(record))).toEqual([]);
    expect(machine.audits.filter((record) => sings(record))).toEqual([]);
    expect(sings(machine.cache)).toBe(false);
    expect(sings(machine.store)).toBe(false);
  }
});

test("a machine's disk has nothing for which it is not entitled", async () => {
  const homelab = await exampleHomelab();
  const paths = ["web/tls", "web/session-key", "mail/dkim", "db/password", "dns/zone-key", "root/ca"];
  for (const path of paths) await homelab.set(path, `value of ${path}`, homelab.by["web-1"]);
  await homelab.pass(10_000);
  const table = Object.fromEntries(
    await Promise.all(
      [...homelab.machines].map(async ([name, { cacheDisk }]) => {
        const records = await cacheDisk.scan("");
        return [name, records.map(({ key }) => key.replace("value/", ""))] as const;
      }),
    ),
  );
  expect(table).toEqual({
    "nas-1": ["dns/zone-key"],
    "nas-2": ["dns/zone-key"],
    "web-1": ["dns/zone-key", "web/session-key", "web/tls"],
    "web-2": ["db/password", "dns/zone-key", "web/session-key", "web/tls"],
    "mail-1": ["db/password", "dns/zone-key", "mail/dkim"],
    "pi-1": ["dns/zone-key"],
  });
  expect(await homelab.by["web-1"].roleDisk.scan("")).toEqual([]);
});
