import type { Vouched } from "../../core/secrets/messages.ts";
import { isStrict, mayRead } from "../../core/policy/entitlement.ts";
import { mayOperatorRead } from "../../core/policy/operator-readers.ts";
import { versionBefore } from "../../core/secrets/overlap.ts";
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
      /** The current version, or the one before it while that is valid. */
      readonly wanted: CurrentVersion;
      /** Whom the answer is sealed to. */
      readonly recipient: string;
      readonly vouched: Vouched;
    }
  | { readonly verdict: "refuse"; readonly state: "none" | "unvouched"; readonly reason: string };

/** What is asked for, and what the store knows of itself when it is. */
export interface Asked {
  readonly path: string;
  /** Hex; undefined for the current one. */
  readonly version: string | undefined;
  readonly vouched: Vouched;
  readonly nowMs: number;
}

/** Judges a request. Pure: nothing is decided while it is executed. */
export function planServing(view: View, reader: Reader, { path, version, vouched, nowMs }: Asked): Serving {
  if (!isEntitled(view, reader, path)) return { verdict: "refuse", state: "none", reason: "not entitled" };
  const current = currentVersion(view, path);
  if (current === undefined) return { verdict: "refuse", state: "none", reason: "never set" };
  const isCurrent = version === undefined || version === current.version;
  const wanted = isCurrent ? current : versionBefore(view, path, nowMs);
  if (wanted === undefined || (!isCurrent && wanted.version !== version)) {
    return { verdict: "refuse", state: "none", reason: "not valid any more" };
  }
  if (vouched === "unvouched" && isStrict(view, path)) {
    return { verdict: "refuse", state: "unvouched", reason: "strict, and no signer vouches for this store" };
  }
  const recipient = reader.kind === "member" ? reader.node.seal : reader.recipient;
  return { verdict: "serve", wanted, recipient, vouched };
}

function isEntitled(view: View, reader: Reader, path: string): boolean {
  switch (reader.kind) {
    case "member":
      return mayRead(view, reader.node.id, path);
    case "operator":
      return mayOperatorRead(view, reader.operator.key, path);
  }
}
