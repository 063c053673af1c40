import { describe, expect, it } from "vitest";
import { concat, fromHex } from "../../../src/core/bytes.ts";
import { LabError } from "../../../src/core/errors.ts";
import { type AuthorityHeader, decodeEntry, type Entry } from "../../../src/crdt/entry/entry.ts";
import { joinSignature, readOrder, writeOrder } from "../../../src/operator/order.ts";
import vectors from "../../vectors/ssh-signatures.json" with { type: "json" };
import { keys } from "./household.ts";

const acts = vectors.signatures.filter(({ kind }) => kind === "authority");
const draftOf = ({ signed }: (typeof acts)[number]) =>
  decodeEntry(keys, concat(fromHex(signed) as Uint8Array, Uint8Array.of(0))) as Entry<AuthorityHeader>;

describe("an order", () => {
  it("is read back as the act that was written, and as nothing else", () => {
    for (const act of acts) {
      const draft = draftOf(act);
      const order = writeOrder(draft);
      expect(readOrder(keys, "order", order).id).toBe(act.hash);
      for (const bytes of [order.subarray(1), order.subarray(0, -1), concat(order, Uint8Array.of(0))]) {
        expect(() => readOrder(keys, "order", bytes)).toThrow(/order is not an order/);
      }
    }
  });

  it.each(acts)("takes the signature file of ssh-keygen, or does not: $name", (act) => {
    const draft = draftOf(act);
    const join = () => joinSignature(keys, draft, "order.sig", act.file);
    if (act.counts === "yes") expect(join().signatures.map(({ scheme }) => scheme)).toEqual([act.scheme]);
    else expect(join).toThrow(LabError);
  });

  it("signed by a FIDO2 token is among these", () => {
    expect(acts.some(({ scheme, counts }) => scheme === 3 && counts === "yes")).toBe(true);
  });
});
