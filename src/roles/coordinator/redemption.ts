import { toHex } from "../../core/bytes.ts";
import type { EnrolRequest } from "../../core/enrolment.ts";
import { isServerName } from "../../core/names.ts";
import { revokedTokenPath } from "../../core/paths.ts";
import type { Token, View } from "../../core/view.ts";

/** What becomes of a request to enrol. */
export type RedemptionPlan =
  | { readonly verdict: "redeem"; readonly token: Token; readonly name: string }
  /** The same key asks again: it is enrolled, and gets the same answer. */
  | { readonly verdict: "repeat"; readonly token: Token; readonly name: string }
  /** `token`: the one that was meant; null if there is none, or its secret was another. */
  | { readonly verdict: "refuse"; readonly reason: string; readonly hint: string; readonly token: Token | null };

export interface RedemptionFacts {
  readonly view: View;
  readonly request: EnrolRequest;
  /** Hex key that the connection proved. */
  readonly key: string;
  /** Hex of `tokenSecretHash(request.secret)`. */
  readonly secretHash: string;
  /** This coordinator's role log. */
  readonly roleLog: string;
  /** Key and name that this token was bound to before anything was signed, if it was. */
  readonly bound: { readonly key: string; readonly name: string } | null;
  /** When this coordinator's disk lost records, that of a binding perhaps among them; null if it never did. */
  readonly lostAtMs: number | null;
  readonly nowMs: number;
}

const ANOTHER = "ask an operator for another: lab token create";

/** Judges one request. Pure: time and what was bound before are arguments; nothing is decided while it is executed. */
export function planRedemption(facts: RedemptionFacts): RedemptionPlan {
  const { view, request, key, secretHash, roleLog, bound, lostAtMs, nowMs } = facts;
  const token = view.tokens.find((candidate) => candidate.id === toHex(request.tokenId));
  // A wrong secret and an unknown token are one answer: nobody learns which tokens exist.
  if (token === undefined || token.secretHash !== secretHash) {
    return refuseOf(null)("this mesh knows no such token", ANOTHER);
  }
  const refuse = refuseOf(token);
  if (token.issuer !== roleLog) {
    return refuse("another coordinator issued this token", "try again when it is back, or ask for another token");
  }
  const known = view.nodeByKey(key);
  if (known?.state === "active" && token.redeemedBy.includes(known.id)) {
    return { verdict: "repeat", token, name: known.name };
  }
  if (known?.state === "cut")
    return refuse("this machine's key was revoked", "remove its home, then join with a new token");
  if (view.desired(revokedTokenPath(token.id)) !== undefined) return refuse("the token was revoked", ANOTHER);
  const others = token.redeemedBy.some((id) => view.nodes.get(id)?.key !== key);
  if (others || (bound !== null && bound.key !== key)) return refuse("the token was used already", ANOTHER);
  if (bound === null && lostAtMs !== null && token.madeAtMs <= lostAtMs) {
    const lost = new Date(lostAtMs).toISOString();
    return refuse(`this coordinator lost its store at ${lost}, and with it whom it had given this token to`, ANOTHER);
  }
  if (nowMs < token.notBeforeMs) return refuse("the token is not valid yet", "check the clocks of both machines");
  if (nowMs > token.expiresMs) {
    return refuse(`the token expired ${span(nowMs - token.expiresMs)} ago`, ANOTHER);
  }
  const name = bound?.name ?? token.name ?? request.name;
  if (name === null) return refuse("the token leaves the name open", "say it: lab join TOKEN --name web-1");
  if (token.name !== null && request.name !== null && request.name !== token.name) {
    return refuse(`the token is for "${token.name}"`, "leave --name out");
  }
  if (!isServerName(name)) return refuse(`"${name}" is not a server name`, "lower-case letters, digits and hyphens");
  const owner = view.nodeByName(name);
  if (owner !== undefined && owner.state === "active" && owner.key !== key) {
    return refuse(`a server "${name}" exists`, "choose another name, or retire that server first");
  }
  return { verdict: "redeem", token, name };
}

function refuseOf(token: Token | null): (reason: string, hint: string) => RedemptionPlan {
  return (reason, hint) => ({ verdict: "refuse", reason, hint, token });
}

function span(spanMs: number): string {
  const seconds = Math.ceil(spanMs / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}
