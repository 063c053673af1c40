import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { scanPuppet } from "../../../src/core/puppet/scan.ts";
import { entitledPaths } from "../../../src/core/policy/entitlement.ts";
import { lookAhead, type Wishes } from "../../../src/operator/declarations/apply.ts";
import { readPlanFile, writePlanFile } from "../../../src/operator/declarations/saved-plan.ts";
import { Household } from "../operator/household.ts";
import { apply, hash, linesOf, sign, wishesOf } from "./applied.ts";

const POSTFIX = "class postfix { $a = lab::secret('mail/relay') }";

/** What `--modules` asks for, of a tree with these manifests. */
function modules(manifests: Readonly<Record<string, string>>, owner = "files"): Wishes {
  const files = Object.entries(manifests).map(([path, text]) => ({ path, text }));
  const scan = scanPuppet(files, { hash: (bytes) => new TextEncoder().encode(hash(String(bytes))).subarray(0, 32) });
  return { declarations: null, modules: scan, owner, prune: false, force: false };
}

describe("modules that are applied", () => {
  let house: Household;
  beforeEach(async () => {
    house = await Household.create();
    await apply(house, "labels: { mail: { puppet_classes: postfix } }\nservers: { laptop: { labels: mail } }");
  });
  afterEach(() => house.remove());

  async function signed(wishes: Wishes): Promise<string[]> {
    return linesOf(await sign(house, wishes, await lookAhead(house.laptop, wishes, hash)));
  }

  function laptopPaths(): readonly string[] {
    const view = house.laptop.replica.view();
    return entitledPaths(view, view.nodeByName("laptop")?.id ?? "");
  }

  test("a class that names a secret entitles the machines that carry it", async () => {
    expect(laptopPaths()).toEqual([]);
    expect(await signed(modules({ "postfix/init.pp": POSTFIX }))).toEqual(["+ class postfix"]);
    expect(laptopPaths()).toEqual(["mail/relay"]);
  });

  test("applying the same code twice changes nothing, nor does work elsewhere in it", async () => {
    await signed(modules({ "postfix/init.pp": POSTFIX }));
    expect(await signed(modules({ "postfix/init.pp": POSTFIX }))).toEqual([]);
    expect(await signed(modules({ "postfix/init.pp": POSTFIX, "ntp/init.pp": "class ntp { }" }))).toEqual([]);
  });

  test("a class that names a secret no more loses it, and only those of the same mark", async () => {
    await signed(modules({ "postfix/init.pp": POSTFIX }));
    await signed(modules({ "other/init.pp": "class other { $a = lab::secret('o/o') }" }, "bob"));
    expect(await signed(modules({ "postfix/init.pp": "class postfix { }" }))).toEqual([
      "- class postfix (its code names no secret any more)",
    ]);
    expect(laptopPaths()).toEqual([]);
    expect(await signed(modules({ "other/init.pp": "class other { }" }, "bob"))).toHaveLength(1);
  });

  test("another secret and another place are told apart", async () => {
    await signed(modules({ "postfix/init.pp": POSTFIX }));
    expect(await signed(modules({ "postfix/init.pp": `\n${POSTFIX}` }))).toEqual([
      "~ class postfix places postfix/init.pp:1 → postfix/init.pp:2",
    ]);
    expect(await signed(modules({ "postfix/init.pp": POSTFIX.replace("relay", "key") }))).toEqual([
      "~ class postfix secrets mail/relay → mail/key",
    ]);
  });

  test("modules alone leave everything else as it is, and files alone leave scans as they are", async () => {
    await signed(modules({ "postfix/init.pp": POSTFIX }));
    await signed({ ...wishesOf("labels: { web: }"), prune: true });
    expect(house.laptop.replica.view().desired("scan/postfix")).toBeDefined();
    await signed(modules({ "postfix/init.pp": POSTFIX.replace("relay", "key") }));
    expect(house.laptop.replica.view().desired("label/web")).toBeDefined();
  });

  test("a saved plan keeps what the scan found, and is stale once another scan was signed", async () => {
    const wishes = modules({ "postfix/init.pp": POSTFIX });
    const outlook = await lookAhead(house.laptop, wishes, hash);
    const saved = readPlanFile("a.plan", writePlanFile(wishes, outlook));
    const again = await lookAhead(house.laptop, saved.wishes, hash);
    expect([again.base, linesOf(again)]).toEqual([saved.base, linesOf(outlook)]);
    await signed(modules({ "postfix/init.pp": POSTFIX.replace("relay", "key") }));
    expect((await lookAhead(house.laptop, saved.wishes, hash)).base).not.toBe(saved.base);
  });

  test("a saved plan whose classes are not classes is no plan", async () => {
    const wishes = modules({ "postfix/init.pp": POSTFIX });
    const text = writePlanFile(wishes, await lookAhead(house.laptop, wishes, hash));
    expect(() => readPlanFile("a.plan", text.replaceAll('"postfix"', '"../postfix"'))).toThrow(/not a saved plan/);
  });
});
