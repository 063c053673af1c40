import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test, type TestContext } from "vitest";
import { ascii } from "../../../src/core/bytes.ts";
import { LabError } from "../../../src/core/errors.ts";
import type { Keys } from "../../../src/core/ports/keys.ts";
import { Secret } from "../../../src/core/secret.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";
import { createSimKeys } from "../../../sim/keys.ts";
import { seededRandom } from "../../../sim/random.ts";
import { keysContract } from "../../contracts/keys-contract.ts";

keysContract("OpenSSL and age", createKeys);

describe("real and simulated cryptography", () => {
  const real = createKeys();
  const simulated = createSimKeys(seededRandom("both"));
  const seed = () => new Secret(new Uint8Array(32).fill(3));
  const message = ascii("one mesh, two worlds");

  test("hash and sign alike", () => {
    expect(simulated.hash(message)).toEqual(real.hash(message));
    expect(simulated.signer(seed()).publicKey).toEqual(real.signer(seed()).publicKey);
    expect(simulated.signer(seed()).sign(message)).toEqual(real.signer(seed()).sign(message));
  });

  test("encrypt alike", () => {
    const args = [seed(), new Uint8Array(12), message, new Secret(ascii("a token"))] as const;
    expect(simulated.encrypt(...args)).toEqual(real.encrypt(...args));
  });

  test("spell recipients alike, in length and letters", async () => {
    for (const keys of [real, simulated]) {
      expect((await keys.createSealIdentity()).recipient).toMatch(/^age1[02-9ac-hj-np-z]{58}$/);
    }
  });
});

describe("a sealed value", () => {
  const keys = createKeys();

  test("is not opened with something that is no identity, and the error does not show it", async () => {
    const { recipient, identity } = await keys.createSealIdentity();
    const sealed = await keys.seal([recipient], new Secret(ascii("value")));
    const text = new TextDecoder().decode(identity.reveal());
    const damaged = text.replace(/.$/, (letter) => (letter === "Q" ? "P" : "Q"));
    const opening = keys.open({ recipient, identity: new Secret(ascii(damaged)) }, sealed);
    const error = await opening.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(LabError);
    expect(inspect(error, { depth: null })).not.toContain(damaged.slice(0, 30));
  });

  test("is not made for a recipient of small order", async () => {
    // The neutral element as a recipient: every shared secret with it is zero.
    const smallOrder = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqcy0kr8";
    await expect(keys.seal([smallOrder], new Secret(ascii("value")))).rejects.toMatchObject({ code: "Invalid" });
  });
});

describe("a sealed value and the age command", () => {
  let directory: string;
  const keys = createKeys();
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "lab-age-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("opens with it", async (context) => {
    needsAge(context);
    const { recipient, identity } = await keys.createSealIdentity();
    const other = await keys.createSealIdentity();
    writeFileSync(join(directory, "key.txt"), identity.reveal(), { mode: 0o600 });
    const sealed = await keys.seal([other.recipient, recipient], new Secret(ascii("for both tools")));
    expect(age(["-d", "-i", join(directory, "key.txt")], sealed)).toEqual(ascii("for both tools"));
  });

  test("made by it opens here, and nobody else's does", async (context) => {
    needsAge(context);
    const identity = await keys.createSealIdentity();
    const sealed = age(["-r", identity.recipient], ascii("from the other tool"));
    expect((await keys.open(identity, sealed))?.reveal()).toEqual(ascii("from the other tool"));
    expect(await keys.open(await keys.createSealIdentity(), sealed)).toBeNull();
  });

  function needsAge(context: TestContext): void {
    if (spawnSync("age", ["--version"]).error) context.skip("no age command on this machine (Debian's package: age)");
  }

  function age(args: readonly string[], input: Uint8Array): Uint8Array {
    const { status, stdout, stderr } = spawnSync("age", args, { input });
    if (status !== 0) throw new Error(`age ${args.join(" ")}: ${stderr.toString()}`);
    return new Uint8Array(stdout);
  }
});

describe("verification of many signatures", () => {
  const keys: Keys = createKeys();

  test("lets other work go on meanwhile", async () => {
    const signer = keys.signer(new Secret(new Uint8Array(32).fill(5)));
    const items = Array.from({ length: 500 }, (_, at) => {
      const message = ascii(`entry ${at}`);
      return { publicKey: signer.publicKey, message, signature: signer.sign(message) };
    });
    const events: string[] = [];
    const verified = keys.verifyAll(items).then((answers) => events.push(`verified ${answers.filter(Boolean).length}`));
    await new Promise<void>((resolve) => setImmediate(resolve)).then(() => events.push("other work"));
    await verified;
    expect(events).toEqual(["other work", "verified 500"]);
  });
});
