import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { declaredServerPath, labelPath } from "../../../src/core/paths.ts";
import { CLASS_DESIRED } from "../../../src/crdt/entry/entry.ts";
import { lookAhead } from "../../../src/operator/declarations/apply.ts";
import { readPlanFile, writePlanFile } from "../../../src/operator/declarations/saved-plan.ts";
import { Household } from "../operator/household.ts";
import { apply, hash, linesOf, plan, sign, wishesOf } from "./applied.ts";

const TEXT = `
labels:
  web: { puppet_classes: [nginx, {certbot: {email: me@example.org}}], ports: 443, secrets: [web/tls], size: small }
  prod:
groups:
  production: { match: { environment: prod } }
alerts:
  - { name: disk_low, target: { groups: production }, condition: disk_usage_percent > 85, severity: warning, for: 5m }
sizes:
  small: { abstract: { cores: 2, memory: 4GB } }
secrets:
  web/tls: { type: dynamic, generator: acme, rotate_every: 90d, mode: 400 }
servers:
  laptop: { provider: ssh, labels: [web, secret-store, pxe], environment: prod }
  nas-1: { provider: baremetal, labels: storage, size: large, disks: [500GB, 500GB], availability: intermittent }
`;

describe("declarations", () => {
  let house: Household;
  beforeEach(async () => {
    house = await Household.create();
  });
  afterEach(() => house.remove());

  function laptopLabels(): readonly string[] {
    const view = house.laptop.replica.view();
    return view.labelsOf(view.nodeByName("laptop")?.id ?? "");
  }

  test("are applied as one batch, whatever their order, and change nothing the second time", async () => {
    expect(await apply(house, TEXT)).toEqual([
      "+ label prod",
      "+ label web",
      "+ group production",
      "+ alert disk_low",
      "+ size small",
      "+ secret web/tls",
      "+ server laptop role pxe",
      "+ server laptop label web",
      "+ server laptop environment prod",
      "+ server laptop provider ssh",
      "+ server nas-1 (pending)",
    ]);
    expect(await apply(house, TEXT)).toEqual([]);
    expect(await apply(house, reordered())).toEqual([]);
    const view = house.laptop.replica.view();
    expect(view.desired(labelPath("web"))?.value).toEqual({
      puppetClasses: ["nginx", { name: "certbot", parameters: { email: "me@example.org" } }],
      ports: [443],
      size: "small",
      secrets: ["web/tls"],
      managedBy: "files",
    });
    expect(view.desired("secret/web/tls")?.value).toEqual({
      type: "dynamic",
      generator: "acme",
      rotateEverySeconds: 7_776_000,
      mode: "0400",
      managedBy: "files",
    });
    expect(laptopLabels()).toEqual(["coordinator", "pxe", "secret-store", "web"]);
    expect(view.desired(declaredServerPath("nas-1"))?.value).toEqual({
      labels: ["storage"],
      provider: "baremetal",
      size: "large",
      availability: "intermittent",
      disksBytes: [5e11, 5e11],
      managedBy: "files",
    });
    expect(house.ownLog().head?.seq).toBe(1);
  });

  test("tell what changes, member by member, and leave alone what they do not mention", async () => {
    await apply(house, TEXT);
    const changed = `
labels: { web: { ports: [80, 443], size: large } }
secrets: { web/tls: { type: dynamic, generator: acme, rotate_every: 30d } }
servers: { laptop: { labels: [eu], environment: staging } }
`;
    expect(await apply(house, changed)).toEqual([
      "- label web puppet_classes",
      "~ label web ports 443 → 80, 443",
      "~ label web size small → large",
      "- label web secrets",
      "~ secret web/tls rotate_every 90d → 30d",
      "- secret web/tls mode 0400",
      "+ server laptop label eu",
      "~ server laptop environment prod → staging",
    ]);
    expect(laptopLabels()).toEqual(["coordinator", "eu", "pxe", "secret-store", "web"]);
  });

  test("that files no longer have stay and are told, until somebody prunes; only what bears the mark goes", async () => {
    await apply(house, TEXT);
    await apply(house, "labels: { by-others: { ports: 22 } }", { owner: "others" });
    const less = `
labels: { prod: }
servers: { laptop: { labels: [secret-store] } }
`;
    const wishes = wishesOf(less);
    const { plan: kept } = await lookAhead(house.laptop, wishes, hash);
    expect(kept.changes).toEqual([]);
    expect(kept.left.map(({ kind, name, field }) => [kind, name, field].filter(Boolean).join(" "))).toEqual([
      "server laptop label pxe",
      "server laptop label web",
      "server laptop environment",
      "server laptop provider",
      "label web",
      "group production",
      "alert disk_low",
      "size small",
      "secret web/tls",
      "server nas-1",
    ]);
    expect(kept.unmanaged).toEqual([{ kind: "label", count: 1, names: ["by-others"] }]);
    expect(await apply(house, less, { prune: true })).toEqual([
      "- server laptop role pxe (gone from the files)",
      "- server laptop label web (gone from the files)",
      "- server laptop environment prod (gone from the files)",
      "- server laptop provider ssh (gone from the files)",
      "- label web (gone from the files)",
      "- group production (gone from the files)",
      "- alert disk_low (gone from the files)",
      "- size small (gone from the files)",
      "- secret web/tls (gone from the files)",
      "- server nas-1 (gone from the files)",
    ]);
    expect(laptopLabels()).toEqual(["coordinator", "secret-store"]);
    expect(await apply(house, less, { prune: true })).toEqual([]);
  });

  test("take from a server only what they gave: what somebody gave or changed by hand stays", async () => {
    await apply(house, "servers: { laptop: { labels: [web], environment: prod, region: eu } }");
    await apply(house, "servers: { laptop: { labels: [mine], region: us } }", { owner: "others" });
    await apply(house, "servers: { laptop: { labels: [web], environment: prod, region: us } }");
    expect(await apply(house, "labels: {}", { prune: true })).toEqual([]);
    expect(await apply(house, "labels: {}", { owner: "others", prune: true })).toEqual([
      "- server laptop label mine (gone from the files)",
      "- server laptop region us (gone from the files)",
      "- server laptop (gone from the files)",
    ]);
    expect(laptopLabels()).toContain("web");
  });

  test("that are in use are not removed, and the uses are told; --force does it all the same", async () => {
    await apply(house, TEXT);
    const less = TEXT.replace(/^ {2}web:.*\n/m, "")
      .replace(/^ {2}production:.*\n/m, "")
      .replace(/^ {2}small:.*\n/m, "");
    await expect(apply(house, less, { prune: true })).rejects.toMatchObject({
      code: "InUse",
      message: "2 things are in use, nothing was removed",
      facts: { notes: ["label web is used by server laptop", "group production is used by alert disk_low"] },
    });
    expect(house.laptop.replica.view().desired(labelPath("web"))).toBeDefined();
    expect(await apply(house, less, { prune: true, force: true })).toEqual([
      "- label web (gone from the files)",
      "- group production (gone from the files)",
      "- size small (gone from the files)",
    ]);
  });

  test("keep members that a later release wrote, and take over the mark with what they change", async () => {
    const session = await house.session({ paths: [labelPath("web")] });
    const value = { ports: [80], image: "org/web", managedBy: "others" };
    await session.sign({ writes: [{ path: labelPath("web"), value }] });
    session.close();
    expect(await apply(house, "labels: { web: { ports: 80 } }")).toEqual([]);
    expect(await apply(house, "labels: { web: { ports: 81 } }")).toEqual([
      "~ label web ports 80 → 81",
      "~ label web managed_by others → files",
    ]);
    expect(house.laptop.replica.view().desired(labelPath("web"))?.value).toEqual({
      ports: [81],
      image: "org/web",
      managedBy: "files",
    });
  });

  test("of more than an entry holds are one batch of several entries, which counts when the last is there", async () => {
    const names = Array.from({ length: 1500 }, (_, i) => `web-${i}`);
    const text = `servers:\n${names.map((name) => `  ${name}: { labels: [web, prod], region: eu-west }\n`).join("")}`;
    await apply(house, text);
    const links = house.laptop.replica.chain(toHex(house.ownLog().log), CLASS_DESIRED)?.main ?? [];
    expect(links.length).toBeGreaterThan(1);
    expect(links.map(({ entry }) => entry.header.more)).toEqual(links.map((_, i) => links.length - 1 - i));
    const late = await house.peer("late");
    for (const [i, { entry }] of links.entries()) {
      expect(late.replica.view().desiredUnder(declaredServerPath(""))).toEqual([]);
      await late.admit(entry.bytes);
      expect(late.replica.view().desiredUnder(declaredServerPath(""))).toHaveLength(i + 1 < links.length ? 0 : 1500);
    }
  });

  test("of the example homelab are valid", async () => {
    const dir = join(import.meta.dirname, "../../../examples/homelab");
    const files = readdirSync(dir).filter((name) => name.endsWith(".yaml"));
    const text = files.map((name) => readFileSync(join(dir, name), "utf8")).join("---\n");
    expect(await apply(house, text)).toContain("+ server dgx-spark (pending)");
    expect(await apply(house, text)).toEqual([]);
  });

  describe("as a saved plan", () => {
    test("are applied as they were planned", async () => {
      const wishes = wishesOf(TEXT, { owner: "homelab" });
      const outlook = await lookAhead(house.laptop, wishes, hash);
      const saved = readPlanFile("plan.json", writePlanFile(wishes, outlook));
      const now = await lookAhead(house.laptop, saved.wishes, hash);
      expect(now.base).toBe(saved.base);
      expect(linesOf(await sign(house, saved.wishes, now, true))).toEqual(linesOf(outlook));
      expect(await plan(house.laptop, TEXT, { owner: "homelab" })).toEqual([]);
    });

    test("are stale as soon as what they were made of has changed, and not because something else has", async () => {
      const wishes = wishesOf(TEXT);
      const { base } = await lookAhead(house.laptop, wishes, hash);
      await apply(house, "labels: { elsewhere: { ports: 1 } }", { owner: "others" });
      expect((await lookAhead(house.laptop, wishes, hash)).base).toBe(base);
      await apply(house, "servers: { laptop: { labels: [new] } }", { owner: "others" });
      expect((await lookAhead(house.laptop, wishes, hash)).base).not.toBe(base);
    });

    test("are refused when another operator writes between the look and the signature", async () => {
      const wishes = wishesOf(TEXT);
      const outlook = await lookAhead(house.laptop, wishes, hash);
      await apply(house, "labels: { web: { ports: 1 } }", { owner: "others" });
      await expect(sign(house, wishes, outlook, true)).rejects.toMatchObject({ code: "StalePlan" });
      // Without a plan to keep to it is planned anew.
      expect(linesOf(await sign(house, wishes, outlook))).toContain("~ label web ports 1 → 443");
    });

    test.each(["", "{}", "[]", '{"kind":"LabPlan","v":2}', '{"kind":"LabPlan","v":1,"mesh":1}'])(
      "are not what %j is",
      (text) => {
        expect(() => readPlanFile("p", text)).toThrow(expect.objectContaining({ code: "InvalidFile" }));
      },
    );

    test("go through the same wall as files", async () => {
      const outlook = await lookAhead(house.laptop, wishesOf(TEXT), hash);
      const text = writePlanFile(wishesOf(TEXT), outlook).replace('"port', '"prot');
      expect(() => readPlanFile("p", text)).toThrow(expect.objectContaining({ code: "InvalidFile" }));
    });
  });
});

/** The same declarations in another order, some of them as envelopes. */
function reordered(): string {
  return `
servers:
  nas-1: { disks: [500GB, 0.5TB], availability: intermittent, size: large, labels: [storage], provider: baremetal }
  laptop: { environment: prod, labels: [pxe, web, secret-store], provider: ssh }
---
kind: Secret
metadata: { name: web/tls }
spec: { mode: "0400", rotate_every: 2160h, generator: acme, type: dynamic }
---
labels:
  prod: {}
  web: { size: small, secrets: [web/tls], ports: [443], puppet_classes: [nginx, {certbot: {email: me@example.org}}] }
---
kind: Size
metadata: { name: small }
spec: { abstract: { memory: 4000MB, cores: 2 } }
---
alerts:
  - { for: 300s, condition: disk_usage_percent > 85, name: disk_low, target: { groups: [production] } }
groups: { production: { match: { environment: [prod] } } }
`;
}
