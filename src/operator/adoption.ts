import { LabError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import { toHex } from "../core/bytes.ts";
import { dismissedPath, serverAttributePath, serverLabelPath } from "../core/paths.ts";
import type { KnownBody } from "../crdt/authority/bodies.ts";
import type { VoidItem } from "../operations/kinds/void-act.ts";
import type { KnownAuthority } from "./known-authority.ts";
import type { Write } from "./write.ts";

/** What is said again in the adopter's name, and what cannot be. */
export interface Adoption {
  readonly acts: readonly KnownBody[];
  readonly writes: readonly Write[];
  /** What machines had by the tokens that had let them in, to be written about their new ids. By index of the act. */
  readonly brought: ReadonlyMap<number, Brought>;
  /** Hex of the entries, with why they cannot be adopted. */
  readonly left: readonly { readonly entry: string; readonly why: string }[];
}

/** Role labels are not among it: they are for somebody to give again. */
export interface Brought {
  readonly labels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** Writes about a machine that was enrolled anew under this id. */
export function broughtWrites(id: string, { labels, attributes }: Brought): readonly Write[] {
  return [
    ...labels.map((label): Write => ({ path: serverLabelPath(id, label), value: true })),
    ...Object.entries(attributes).map(([name, value]): Write => ({ path: serverAttributePath(id, name), value })),
  ];
}

/** The items that are meant: by the beginnings of their entries' hashes. Throws `NotFound`, `Usage`. */
export function chooseVoids(items: readonly VoidItem[], wanted: readonly string[]): readonly VoidItem[] {
  const entries = wanted.map((text) => {
    if (!/^[0-9a-f]{6,64}$/.test(text)) {
      throw new LabError("Usage", `"${text}" is not the hash of an entry, or the beginning of one`, {
        hint: "lab audit adopt, without a word more, lists what is void",
      });
    }
    const fitting = [...new Set(items.filter(({ entry }) => entry.startsWith(text)).map(({ entry }) => entry))];
    if (fitting.length === 1) return fitting[0];
    throw new LabError(
      fitting.length === 0 ? "NotFound" : "Usage",
      fitting.length === 0 ? `nothing that begins with ${text} is void and unadopted` : `several begin with ${text}`,
      { hint: "lab audit adopt, without a word more, lists what is void" },
    );
  });
  return items.filter(({ entry }) => entries.includes(entry));
}

/**
 * Says void things again. Acts of authority come from what was checked here; what a write said, the agent tells, and
 * it is shown before it is signed.
 */
export function planAdoption(
  known: KnownAuthority,
  items: readonly VoidItem[],
  signer: { readonly rank: number; readonly nowMs: number },
): Adoption {
  const acts: KnownBody[] = [];
  const writes: Write[] = [];
  const brought = new Map<number, Brought>();
  const left: { entry: string; why: string }[] = [];
  for (const { entry, kind, path, value } of items) {
    if (kind === "write" && path !== null) {
      writes.push({ path, value: value as Json | undefined });
      continue;
    }
    const body = known.graph.find(entry)?.body;
    const again =
      body === undefined || body.type === "unknown" ? "this release does not know it" : saidAgain(body, signer);
    if (typeof again === "string") left.push({ entry, why: again });
    else acts.push(again);
    if (body?.type !== "redeem" || typeof again === "string") continue;
    const token = known.graph.find(toHex(body.token))?.body;
    if (token?.type === "token") brought.set(acts.length - 1, token);
  }
  return { acts, writes, brought, left };
}

/** The body in the adopter's mouth, or why it cannot be said again. */
function saidAgain(
  body: KnownBody,
  { rank, nowMs }: { readonly rank: number; readonly nowMs: number },
): KnownBody | string {
  switch (body.type) {
    case "grant":
      return body.rank < rank ? `it grants rank ${body.rank}, and your key has ${rank}` : { ...body, at: nowMs };
    case "enrol":
      return { ...body, at: nowMs };
    case "redeem": {
      // The machine said itself that it wants to be a member: its word is as good under an operator's signature.
      const { name, key, seal, proof } = body;
      return { type: "enrol", name, key, seal, proof, at: nowMs };
    }
    case "cut":
    case "role":
    case "unrole":
      return { ...body, at: nowMs };
    case "token":
      return body.exp > nowMs ? { ...body, at: nowMs } : "the token has expired: lab token create makes another";
    case "approve":
      return "an approval is one person's: lab approve, if you want it, too";
    case "checkpoint":
    case "genesis":
      return "there is nothing to adopt in it";
  }
}

/** Puts void things aside, for good. */
export function planDismissal(items: readonly VoidItem[]): readonly Write[] {
  return [...new Set(items.map(({ entry }) => entry))].map((entry) => ({ path: dismissedPath(entry), value: true }));
}
