import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../sim/random.ts";
import { readSecretDeclaration } from "../../../src/core/model/secret-declaration.ts";
import { secretPath, secretRotationPath } from "../../../src/core/paths.ts";
import { randomGenerator } from "../../../src/core/rotation/generator.ts";
import { ALPHABET_NAMES, randomValue } from "../../../src/core/rotation/random-value.ts";
import { currentVersion } from "../../../src/core/secrets/version.ts";
import { exampleHomelab, type Homelab } from "./homelab.ts";

const PATH = "web/session-key";
const MINUTE_MS = 60_000;
const HOUR_SECONDS = 3600;

async function withGenerator(declaration: Record<string, string | number | boolean> = {}) {
  const homelab = await exampleHomelab();
  homelab.write(secretPath(PATH), { type: "dynamic", generator: "random", ...declaration });
  await homelab.pass(1000);
  return homelab;
}

/** Paths that stores made, each with the reason, in order. */
function rotations(homelab: Homelab): string[] {
  return [...homelab.machines.values()].flatMap(({ audits }) =>
    audits.filter(({ action }) => action === "secret.rotate").map(({ object, reason }) => `${object} ${reason}`),
  );
}

const versionAt = (homelab: Homelab & { by: { "nas-1": { view(): Parameters<typeof currentVersion>[0] } } }) =>
  currentVersion(homelab.by["nas-1"].view(), PATH)?.version;

/** Nothing is left half done at nas-1, and who is entitled reads what it made. */
async function expectOneWhole(homelab: Awaited<ReturnType<typeof exampleHomelab>>): Promise<void> {
  const { "nas-1": nas1, "web-1": web1 } = homelab.by;
  const held = await nas1.roleDisk.scan(`envelope/${PATH}@`);
  expect(held.map(({ key }) => key)).toEqual([`envelope/${PATH}@${versionAt(homelab)}`]);
  expect(await nas1.roleDisk.scan("begun/")).toEqual([]);
  expect(await web1.read(PATH)).toMatch(/^[A-Za-z0-9]{32}$/);
}

describe("a secret that a generator makes", () => {
  test("is made by one of the stores as soon as it is declared, and reaches who is entitled", async () => {
    const homelab = await withGenerator({ length: 20, alphabet: "hex" });
    await homelab.pass(5000);
    expect(rotations(homelab)).toEqual([`${PATH} unset`]);
    expect(await homelab.by["web-1"].read(PATH)).toMatch(/^[0-9a-f]{20}$/);
    await expect(homelab.by["mail-1"].read(PATH)).rejects.toThrow("not entitled");
  });

  test("is made anew when it has lived long enough, never earlier, never twice", async () => {
    const homelab = await withGenerator({ rotateEverySeconds: HOUR_SECONDS });
    const first = versionAt(homelab);
    await homelab.pass(HOUR_SECONDS * 1000 - 2000);
    expect(versionAt(homelab)).toBe(first);
    await homelab.pass(2 * MINUTE_MS);
    expect(rotations(homelab)).toEqual(expect.arrayContaining([`${PATH} unset`, `${PATH} age`]));
    await homelab.pass(5 * HOUR_SECONDS * 1000);
    expect(rotations(homelab)).toHaveLength(7);
  });

  test("keeps the one before valid for the overlap, and says until when", async () => {
    const homelab = await withGenerator({ rotateEverySeconds: HOUR_SECONDS, overlapSeconds: 600 });
    const first = versionAt(homelab);
    await homelab.pass(HOUR_SECONDS * 1000 + 2 * MINUTE_MS);
    const { metadata } = currentVersion(homelab.by["nas-1"].view(), PATH)!;
    expect(metadata.before).toEqual({ version: first, untilMs: metadata.atMs + 600_000 });
  });

  test("is made anew when an operator asks, once", async () => {
    const homelab = await withGenerator();
    homelab.write(secretRotationPath(PATH), { at: homelab.clock.now() });
    await homelab.pass(10 * MINUTE_MS);
    expect(rotations(homelab).sort()).toEqual([`${PATH} asked`, `${PATH} unset`]);
  });

  test("counts from the value that somebody set by hand", async () => {
    const homelab = await withGenerator({ rotateEverySeconds: HOUR_SECONDS });
    await homelab.pass(HOUR_SECONDS * 500);
    await homelab.set(PATH, "by hand", homelab.by["web-1"]);
    await homelab.pass(HOUR_SECONDS * 900);
    expect(await homelab.by["web-1"].read(PATH)).toBe("by hand");
    await homelab.pass(HOUR_SECONDS * 200);
    expect(rotations(homelab)).toHaveLength(2);
  });

  test("is made by the other store when the one whose turn it is hangs", async () => {
    const homelab = await exampleHomelab();
    for (const name of ["nas-1", "nas-2"] as const) homelab.by[name].ownHead = "unsure";
    homelab.write(secretPath(PATH), { type: "dynamic", generator: "random" });
    await homelab.pass(10_000);
    expect(rotations(homelab)).toEqual([]);
    // Whoever is first, one of the two is second.
    homelab.by["nas-2"].ownHead = "sure";
    await homelab.pass(5 * MINUTE_MS);
    expect(rotations(homelab)).toEqual([`${PATH} unset`]);
  });

  test("is left alone where each machine has its own, where stores cannot read it, and where nobody knows the generator", async () => {
    const homelab = await exampleHomelab();
    homelab.write(secretPath("web/tls"), { type: "dynamic", generator: "random", perMachine: true });
    homelab.write(secretPath("root/ca"), { type: "dynamic", generator: "random", class: "sealed" });
    homelab.write(secretPath("k8s/token"), { type: "dynamic", generator: "kubernetes" });
    homelab.write(secretPath("mail/dkim"), { type: "static", generator: "random" });
    await homelab.pass(10 * MINUTE_MS);
    expect(rotations(homelab)).toEqual([]);
  });

  test("begun and not signed is as if it had never been: no half a version, and a whole one later", async () => {
    const homelab = await exampleHomelab();
    const { "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    nas2.power = "off";
    nas2.ownHead = "unsure";
    let crashes = 0;
    nas1.crashPoint = () => {
      crashes++;
      return new Promise(() => undefined);
    };
    homelab.write(secretPath(PATH), { type: "dynamic", generator: "random" });
    await homelab.pass(60_000);
    expect(crashes).toBe(1);
    expect(await nas1.roleDisk.scan(`envelope/${PATH}@`)).toHaveLength(1);

    nas1.crashPoint = () => Promise.resolve();
    await nas1.restart();
    await homelab.pass(5 * MINUTE_MS);
    await expectOneWhole(homelab);
  });

  test("has one whole version and nothing beside it, whichever write is the last before the power goes", async () => {
    for (let survives = 0; ; survives++) {
      const homelab = await exampleHomelab();
      const { "nas-1": nas1, "nas-2": nas2 } = homelab.by;
      nas2.power = "off";
      nas2.ownHead = "unsure";
      let [left, crashed] = [survives, false];
      nas1.beforeWrite = () => {
        if (left-- > 0) return Promise.resolve();
        crashed = true;
        return new Promise(() => undefined);
      };
      homelab.write(secretPath(PATH), { type: "dynamic", generator: "random" });
      await homelab.pass(2 * MINUTE_MS);
      if (!crashed) {
        expect(survives).toBe(3);
        return;
      }
      nas1.beforeWrite = () => Promise.resolve();
      await nas1.restart();
      await homelab.pass(5 * MINUTE_MS);
      await expectOneWhole(homelab);
    }
  });

  test("many that are due at once are made together", async () => {
    const homelab = await exampleHomelab();
    for (let i = 0; i < 100; i++) {
      homelab.write(secretPath(`many/n${i}`), { type: "dynamic", generator: "random" });
    }
    await homelab.pass(5000);
    expect(rotations(homelab)).toHaveLength(100);
    expect(new Set(rotations(homelab)).size).toBe(100);
    for (const store of ["nas-1", "nas-2"] as const) {
      expect(await homelab.by[store].roleDisk.scan("envelope/many/")).toHaveLength(100);
    }
  });
});

describe("a random value", () => {
  const random = seededRandom("values");

  test("has the declared length, of the declared characters alone, each as likely as another", () => {
    const shapes: Record<string, RegExp> = {
      "letters-digits": /^[A-Za-z0-9]*$/,
      letters: /^[A-Za-z]*$/,
      digits: /^[0-9]*$/,
      hex: /^[0-9a-f]*$/,
      base64url: /^[A-Za-z0-9_-]*$/,
      printable: /^[!-~]*$/,
      bytes: /^[^]*$/,
    };
    for (const alphabet of ALPHABET_NAMES) {
      const text = String.fromCharCode(...randomValue(random, 5000, alphabet).reveal());
      expect(text).toMatch(shapes[alphabet]!);
      expect(text).toHaveLength(5000);
    }
    const digits = String.fromCharCode(...randomValue(random, 20_000, "digits").reveal());
    const counts = [...new Set(digits)].map((digit) => digits.split(digit).length - 1);
    expect(Math.min(...counts)).toBeGreaterThan(1800);
    expect(Math.max(...counts)).toBeLessThan(2200);
  });

  test("has 32 letters and digits where nothing is said, and never quotes or backslashes", async () => {
    const declaration = readSecretDeclaration(PATH, { type: "dynamic", generator: "random" }, []);
    const value = await randomGenerator.generate({ declaration, random });
    expect(String.fromCharCode(...value.reveal())).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(String.fromCharCode(...randomValue(random, 4096, "printable").reveal())).not.toMatch(/["'`\\$ ]/);
  });
});
