import { describe, expect, test } from "vitest";
import { ascii, fromHex, toHex } from "../../../src/core/bytes.ts";
import { Secret } from "../../../src/core/secret.ts";
import { hkdf } from "../../../src/operator/hkdf.ts";
import { createRecoveryCode, recoveryKeys } from "../../../src/operator/recovery.ts";
import { seededRandom } from "../../../sim/random.ts";
import { keys } from "./household.ts";

const bytes = (hex: string) => fromHex(hex) as Uint8Array;

describe("HKDF-SHA-256", () => {
  test("gives the outputs of RFC 5869, appendix A", () => {
    const salt = bytes("000102030405060708090a0b0c");
    const info = bytes("f0f1f2f3f4f5f6f7f8f9");
    const first = hkdf(keys, new Uint8Array(22).fill(0x0b), salt, info, 42);
    expect(toHex(first)).toBe("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    const range = (from: number, count: number) => Uint8Array.from({ length: count }, (_, i) => from + i);
    const second = hkdf(keys, range(0, 80), range(0x60, 80), range(0xb0, 80), 82);
    expect(toHex(second)).toBe(
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    );
    const third = hkdf(keys, new Uint8Array(22).fill(0x0b), new Uint8Array(0), new Uint8Array(0), 42);
    expect(toHex(third)).toBe("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  });
});

describe("a recovery code", () => {
  // The second of the test vectors of BIP-39: entropy 7f7f….
  const CODE = "legal winner thank year wave sausage worth useful legal winner thank yellow";

  test("gives the same keys for the same words, for ever", async () => {
    const { root, seal } = await recoveryKeys(keys, CODE);
    expect(toHex(root.reveal())).toBe(ROOT_OF_CODE);
    expect(toHex(keys.signer(root).publicKey)).toBe(ROOT_KEY_OF_CODE);
    expect(seal.recipient).toBe(RECIPIENT_OF_CODE);
  });

  test("is read as people write it", async () => {
    const sloppy = `  ${CODE.toUpperCase().replaceAll(" ", " \n ")} `;
    expect((await recoveryKeys(keys, sloppy)).seal.recipient).toBe(RECIPIENT_OF_CODE);
  });

  test("opens what was sealed to its recipient", async () => {
    const { seal } = await recoveryKeys(keys, CODE);
    const sealed = await keys.seal([seal.recipient], new Secret(ascii("hush")));
    expect((await keys.open(seal, sealed))?.reveal()).toEqual(ascii("hush"));
  });

  test("is twelve words that nobody has seen before", async () => {
    const code = createRecoveryCode(seededRandom("paper"));
    expect(code.split(" ")).toHaveLength(12);
    expect(createRecoveryCode(seededRandom("other paper"))).not.toBe(code);
    await recoveryKeys(keys, code);
  });

  test.each([
    ["legal winner thank", "a recovery code has 12 words, not 3"],
    [CODE.replace("sausage", "sausages"), "word 6 is not on the list"],
    [CODE.replace("yellow", "year"), "the words do not belong together: one is another one, or two changed places"],
  ])("is refused when it is none, without repeating it: %s", async (code, why) => {
    await expect(recoveryKeys(keys, code)).rejects.toMatchObject({
      code: "Invalid",
      message: `this is not a recovery code: ${why}`,
    });
  });
});

// Computed apart from this project, from the texts of RFC 5869, 7748, 8032 and BIP-173.
const ROOT_OF_CODE = "9be332b1f549fe40fd8a12e1c3343d116659da207d8e5b966f64e43c52b10392";
const ROOT_KEY_OF_CODE = "97d68bff2795be25262531432395f0028a345ce21c3df0d3f479ec1f36526005";
const RECIPIENT_OF_CODE = "age1kxuudj63pak0t45z9zup8nxrzmd636stu6k3s7h7c3fhda4hd9wqmregaj";
