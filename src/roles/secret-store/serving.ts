import type { Vouched } from "../../core/secrets/messages.ts";
import { isStrict, mayRead } from "../../core/policy/entitlement.ts";
import { mayOperatorRead } from "../../core/policy/operator-readers.ts";
import { type CurrentVersion, currentVersion } from "../../core/secrets/version.ts";
import type { Node, Operator, View } from "../../core/view.ts";

/** Whoever asks, as far as that is proven. */
export type Reader =
  /** By the connection. */
  | { readonly kind: "member"; readonly node: Node }
  /** By a signature over this very request, which names the recipient of the answer. */
  | { readonly kind: "operator"; readonly operator: Operator; readonly recipient: string };

/** What becomes of a request for a value. */
export type Serving =
  | {
      readonly verdict: "serve";
      readonly current: CurrentVersion;
      /** Whom the answer is sealed to. */
      readonly recipient: string;
      readonly vouched: Vouched;
    }
  | { readonly verdict: "refuse"; readonly state: "none" | "unvouched"; readonly reason: string };

/** Judges a request. Pure: nothing is decided while it is executed. */
export function planServing(view: View, reader: Reader, path: string, vouched: Vouched): Serving {
  if (!isEntitled(view, reader, path)) return { verdict: "refuse", state: "none", reason: "not entitled" };
  const current = currentVersion(view, path);
  if (current === undefined) return { verdict: "refuse", state: "none", reason: "never set" };
  if (vouched === "unvouched" && isStrict(view, path)) {
    return { verdict: "refuse", state: "unvouched", reason: "strict, and no signer vouches for this store" };
  }
  const recipient = reader.kind === "member" ? reader.node.seal : reader.recipient;
  return { verdict: "serve", current, recipient, vouched };
}

function isEntitled(view: View, reader: Reader, path: string): boolean {
  switch (reader.kind) {
    case "member":
      return mayRead(view, reader.node.id, path);
    case "operator":
      return mayOperatorRead(view, reader.operator.key, path);
  }
}
