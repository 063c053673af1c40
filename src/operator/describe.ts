import type { CheckpointBody, KnownBody } from "../crdt/authority/bodies.ts";
import type { LedgerWrite } from "../crdt/ledger/update-codec.ts";
import { toHex } from "../core/bytes.ts";
import type { Json } from "../core/json.ts";
import { readReaders } from "../core/policy/operator-readers.ts";

/** Ids of nodes in words: the name that the operator used, else the beginning of the id. */
export type NameOf = (id: string) => string;

const VALUE_LENGTH = 160;

/** What a write says, read from the signed bytes: `server web-1 label prod`. */
export function describeWrite({ path, value }: Pick<LedgerWrite, "path" | "value">, nameOf: NameOf): string {
  const [kind = "", subject = "", ...rest] = path.split("/");
  if (kind === "server") {
    const [what = "", name = ""] = rest;
    const server = `server ${nameOf(subject)}`;
    if (what === "label" && rest.length === 2) return `${server} ${value === true ? "" : "without "}label ${name}`;
    if (what === "attribute" && rest.length === 2) {
      return value === undefined ? `${server} without ${name}` : `${server} ${name} ${shown(value)}`;
    }
  }
  if (kind === "revoked-token" && value !== undefined) return `take token ${subject} back`;
  // Its fields are digests: nothing that a person could check.
  if (kind === "version" && value !== undefined) return `a new value of secret ${[subject, ...rest].join("/")}`;
  if (kind === "operators") return `${describeReaders(value)} read secret ${[subject, ...rest].join("/")}`;
  if (kind === "recipient" && value !== undefined) return `what is sealed to your key: ${shown(value)}`;
  const thing = `${kind} ${[subject, ...rest].join("/")}`;
  return value === undefined ? `remove ${thing}` : `${thing} ${shown(value)}`;
}

function describeReaders(value: Json | undefined): string {
  const keys = readReaders(value).map((key) => key.slice(0, 12));
  return keys.length === 0 ? "let no operator" : `let key${keys.length === 1 ? "" : "s"} ${keys.join(", ")}`;
}

/** What an authority entry does: `grant coordinator to nas-1`. */
export function describeBody(body: KnownBody, nameOf: NameOf): string {
  switch (body.type) {
    case "genesis":
      return `found mesh ${body.name}`;
    case "grant":
      return `let operator ${body.name} (${short(body.key)}) do ${body.rights.join(", ")} at rank ${body.rank}`;
    case "cut":
      return `remove key ${short(body.key)}${body.reason === "" ? "" : `: ${body.reason}`}`;
    case "approve":
      return `approve entry ${short(body.entry)}`;
    case "enrol":
      return `enrol ${body.name} (${short(body.key)})`;
    case "token":
      return describeToken(body);
    case "redeem":
      return `redeem a token for ${body.name}`;
    case "role":
      return `grant ${body.label} to ${nameOf(toHex(body.node))}`;
    case "unrole":
      return `take ${body.label} from ${nameOf(toHex(body.node))}`;
    case "checkpoint":
      return `checkpoint of ${body.pins.map((pin) => describePin(pin, nameOf)).join(", ") || "no ledger"}`;
  }
}

function describePin({ log, seq }: CheckpointBody["pins"][number], nameOf: NameOf): string {
  return `the ledger of ${nameOf(toHex(log))} at entry ${seq}`;
}

function describeToken(token: KnownBody & { readonly type: "token" }): string {
  const labels = [...token.labels, ...token.roles];
  const attributes = Object.entries(token.attributes).map(([name, value]) => `${name}=${value}`);
  const brings = labels.length + attributes.length === 0 ? "" : ` with ${[...labels, ...attributes].join(", ")}`;
  return `token for ${token.name ?? "one machine of any name"}${brings}, ${minutes(token.exp - token.at)}`;
}

function minutes(ms: number): string {
  return `${Math.round(ms / 60_000)} min`;
}

function shown(value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > VALUE_LENGTH ? `${text.slice(0, VALUE_LENGTH)}…` : text;
}

function short(bytes: Uint8Array): string {
  return toHex(bytes).slice(0, 12);
}
