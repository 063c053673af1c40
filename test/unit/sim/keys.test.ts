import { describe, expect, test } from "vitest";
import { ascii, toHex } from "../../../src/core/bytes.ts";
import { Secret } from "../../../src/core/secret.ts";
import { createSimKeys, VerifyMemo } from "../../../sim/keys.ts";
import { seededRandom } from "../../../sim/random.ts";
import { settled } from "../../../sim/clock.ts";
import { keysContract } from "../../contracts/keys-contract.ts";

keysContract("a world's cryptography", () => createSimKeys(seededRandom("keys")));
keysContract("a world's cryptography without memo", () => createSimKeys(seededRandom("keys"), { memo: null }));

describe("a world's cryptography", () => {
  test("draws all its chance from the world's seed", async () => {
    const make = async (seed: string) => {
      const keys = createSimKeys(seededRandom(seed));
      const carol = await keys.createSealIdentity();
      const sealed = await keys.seal([carol.recipient], new Secret(ascii("value")));
      return [carol.recipient, toHex(sealed)];
    };
    expect(await make("one")).toEqual(await make("one"));
    expect(await make("one")).not.toEqual(await make("two"));
  });

  test("settles without leaving virtual time", async () => {
    const keys = createSimKeys(seededRandom("time"));
    const trace: string[] = [];
    const work = async () => {
      const carol = await keys.createSealIdentity();
      await keys.open(carol, await keys.seal([carol.recipient], new Secret(ascii("value"))));
      await keys.verifyAll([]);
      trace.push("done");
    };
    void work();
    await settled();
    expect(trace).toEqual(["done"]);
  });

  test("verifies once what many machines ask", () => {
    const memo = new VerifyMemo();
    const machines = [1, 2, 3].map((seed) => createSimKeys(seededRandom(`${seed}`), { memo }));
    const signer = machines[0]!.signer(new Secret(new Uint8Array(32)));
    const message = ascii("entry");
    const signature = signer.sign(message);
    for (const keys of machines) expect(keys.verify(signer.publicKey, message, signature)).toBe(true);
    expect(memo.hits).toBe(2);
    for (const keys of machines) expect(keys.verify(signer.publicKey, ascii("other"), signature)).toBe(false);
    expect(memo.hits).toBe(4);
  });

  test("stays right when the memo is full", () => {
    const keys = createSimKeys(seededRandom("full"), { memo: new VerifyMemo(3) });
    const signer = keys.signer(new Secret(new Uint8Array(32)));
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 10; i++) {
        const message = ascii(`entry ${i}`);
        expect(keys.verify(signer.publicKey, message, signer.sign(message))).toBe(true);
        expect(keys.verify(signer.publicKey, message, signer.sign(ascii("another")))).toBe(false);
      }
    }
  });
});
