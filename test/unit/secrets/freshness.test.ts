import { describe, expect, test } from "vitest";
import { createSimKeys } from "../../../sim/keys.ts";
import { seededRandom } from "../../../sim/random.ts";
import { concat } from "../../../src/core/bytes.ts";
import { decode, encode } from "../../../src/core/encoding.ts";
import { Secret } from "../../../src/core/secret.ts";
import { encodeChallenge, freshnessHandler, readStatement } from "../../../src/core/secrets/freshness.ts";

const random = seededRandom("freshness");
const keys = createSimKeys(random);
const [mesh, nonce, authority, desired] = [random.bytes(32), random.bytes(32), random.bytes(32), random.bytes(32)];
const nas1 = keys.signer(new Secret(random.bytes(32)));
const nas2 = keys.signer(new Secret(random.bytes(32)));
const answer = freshnessHandler({ mesh, signer: nas1, heads: () => ({ authority, desired }) });

describe("a statement of freshness", () => {
  test("says which heads its signer knows", async () => {
    const statement = await answer("web-1", encodeChallenge(nonce));
    expect(readStatement(keys, mesh, nonce, nas1.publicKey, statement)).toEqual({ authority, desired });
  });

  test("counts for one nonce, mesh and signer, and not with other heads", async () => {
    const statement = await answer("web-1", encodeChallenge(nonce));
    expect(readStatement(keys, mesh, random.bytes(32), nas1.publicKey, statement)).toBeNull();
    expect(readStatement(keys, random.bytes(32), nonce, nas1.publicKey, statement)).toBeNull();
    expect(readStatement(keys, mesh, nonce, nas2.publicKey, statement)).toBeNull();
    const altered = encode({ ...(decode(statement) as object), authority: random.bytes(32) });
    expect(readStatement(keys, mesh, nonce, nas1.publicKey, altered)).toBeNull();
    const swapped = encode({ ...(decode(statement) as object), authority: desired, desired: authority });
    expect(readStatement(keys, mesh, nonce, nas1.publicKey, swapped)).toBeNull();
  });

  test("is not made for a nonce that is none", async () => {
    await expect(answer("web-1", encodeChallenge(concat(nonce, nonce)))).rejects.toThrow("malformed");
    await expect(answer("web-1", new Uint8Array(3))).rejects.toThrow("malformed");
  });
});
