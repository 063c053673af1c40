import { type AlarmClaims, decodeClaims, encodeClaims } from "./alarms/claims.ts";
import { decode, encode, MalformedError, type Plain } from "./encoding.ts";

/** Health of a role on one node: a thrown error of its reconcile, or none. */
export interface RoleReport {
  readonly label: string;
  readonly state: "running" | "failing";
  /** The error's message while failing, else empty. */
  readonly detail: string;
}

/**
 * What a node says about itself: its observed record. Shown to people; never an input to roles, policy or entitlement,
 * except that addresses are where it is dialled first.
 */
export interface NodeReport {
  readonly release: string;
  readonly addresses: readonly string[];
  readonly roles: readonly RoleReport[];
  readonly os: string;
  readonly arch: string;
  readonly alarms: AlarmClaims;
}

export function encodeReport(report: NodeReport): Uint8Array {
  return encode({ v: 1, ...report, alarms: encodeClaims(report.alarms) } as unknown as Plain);
}

/** Members that this release does not know are not read; a record that makes no sense throws {@link MalformedError}. */
export function decodeReport(payload: Uint8Array): NodeReport {
  const fields = decode(payload) as { readonly [name: string]: Plain | undefined };
  if (fields === null || typeof fields !== "object" || !Array.isArray(fields.addresses)) {
    throw new MalformedError("not a node's report");
  }
  const roles = Array.isArray(fields.roles) ? (fields.roles as Plain[]) : [];
  return {
    release: text(fields.release),
    addresses: (fields.addresses as Plain[]).filter((address) => typeof address === "string").slice(0, 16),
    roles: roles.slice(0, 16).map((value) => {
      const role = (value ?? {}) as { readonly [name: string]: Plain | undefined };
      const state = role.state === "running" ? "running" : "failing";
      return { label: text(role.label), state, detail: text(role.detail) };
    }),
    os: text(fields.os),
    arch: text(fields.arch),
    alarms: decodeClaims(fields.alarms),
  };
}

function text(value: Plain | undefined): string {
  return typeof value === "string" ? value.slice(0, 300) : "";
}
