import { LabError } from "../core/errors.ts";
import { fromHex } from "../core/bytes.ts";
import type { PendingAct } from "../core/voids.ts";
import { describeBody } from "./describe.ts";
import type { KnownAuthority } from "./known-authority.ts";

export type Approval =
  | {
      readonly state: "wanted";
      readonly entry: Uint8Array;
      readonly writer: string;
      /** In words, read from the entry itself. */
      readonly what: string;
      /** Signatures that it waits for, this one among them. */
      readonly missing: number;
    }
  /** This key stands behind it. */
  | { readonly state: "signed"; readonly missing: number };

/** What a key of this rank would approve. Throws `Usage`, `NotFound`, `NotAuthorised`. */
export function planApproval(
  known: KnownAuthority,
  wanted: string,
  signer: { readonly key: string; readonly rank: number },
): Approval {
  if (!/^[0-9a-f]{6,64}$/.test(wanted)) {
    throw new LabError("Usage", `"${wanted}" is not the hash of an entry, or the beginning of one`, {
      field: "entry",
      hint: "lab get approvals",
    });
  }
  const fitting = known.pending().filter(({ entry }) => entry.startsWith(wanted));
  const [pending] = fitting;
  if (pending === undefined) throw nothingWaits(known, wanted);
  if (fitting.length > 1) {
    throw new LabError("Usage", `several acts that wait begin with ${wanted}`, { hint: "lab get approvals" });
  }
  const missing = pending.need - pending.keys.length;
  if (pending.keys.includes(signer.key)) return { state: "signed", missing };
  requireCounting(known, pending, signer.rank);
  const body = known.graph.find(pending.entry)?.body;
  const nameOf = (id: string) => known.authority.nodes.get(id)?.name ?? id.slice(0, 12);
  const what = body === undefined || body.type === "unknown" ? pending.type : describeBody(body, nameOf);
  return { state: "wanted", entry: fromHex(pending.entry) as Uint8Array, writer: pending.writer, what, missing };
}

/** Signatures of larger ranks stand there and count for nothing. */
function requireCounting({ authority }: KnownAuthority, { log, writer }: PendingAct, own: number): void {
  const rank = authority.operators.get(log)?.rank ?? 0;
  if (own <= rank) return;
  throw new LabError("NotAuthorised", `your key has rank ${own}, and ${writer} signed this with rank ${rank}`, {
    notes: ["only signatures of the same or a smaller rank count"],
    hint: "lab get operators shows whose do",
  });
}

function nothingWaits({ graph, authority }: KnownAuthority, wanted: string): LabError {
  const found = graph.entries.find(({ entry }) => entry.id.startsWith(wanted));
  const why =
    found === undefined
      ? "is not known here"
      : authority.effective.has(found.index)
        ? "has all its signatures"
        : "is void: no signature can change that";
  return new LabError("NotFound", `${wanted} ${why}`, { hint: "lab get approvals" });
}
