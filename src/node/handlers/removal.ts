import { fromBase64Url } from "../../core/bytes.ts";
import { MalformedError } from "../../core/encoding.ts";
import { LabError, NotFoundError } from "../../core/errors.ts";
import { type CutBody, decodeBody, type UnroleBody } from "../../crdt/authority/bodies.ts";
import { keepsOf } from "../../crdt/keeps.ts";
import { isLostFrom, type LostFrom } from "../../crdt/lost.ts";
import { whatIf } from "../../crdt/what-if.ts";
import { toHex } from "../../core/bytes.ts";
import type { InputOf, OutputOf } from "../../operations/operation.ts";
import type { removalEndsOperation, removalPreviewOperation } from "../../operations/removal.ts";
import { readablePath } from "./audit.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

/** Writes that are told one by one. */
const TOLD = 200;

/** Where the ledgers of keys end. What its operator signs about authority, the command line finds by itself. */
export async function removalEnds(
  source: ReadSource,
  { keys, from }: InputOf<typeof removalEndsOperation>,
): Promise<OutputOf<typeof removalEndsOperation>> {
  // A frontier may lie before what a start reads.
  await source.replica.makeWhole();
  const { graph, fold } = source.replica;
  const lost: LostFrom | null =
    from === undefined ? null : "time" in from ? { atMs: Date.parse(from.time) } : { entry: from.entry };
  const isLost = isLostFrom(graph, lost);
  const ends = keys
    .flatMap((key) => keepsOf({ graph, ledgers: fold.ledgers }, key, isLost))
    .flatMap(({ log, l }) => (l === null ? [] : [{ log: toHex(log), seq: l.seq, hash: toHex(l.hash) }]));
  return { meta: metaOf(source), ends };
}

/** Asks what acts would do that nobody has signed. */
export async function removalPreview(
  source: ReadSource,
  { log, acts }: InputOf<typeof removalPreviewOperation>,
): Promise<OutputOf<typeof removalPreviewOperation>> {
  const { replica } = source;
  await replica.makeWhole();
  if (replica.graph.logs.get(log)?.kind !== "operator") throw new NotFoundError("log", log);
  const { voids } = whatIf(replica, source.keys, log, ...acts.map(readAct));
  const view = replica.view();
  const writes = voids.flatMap(({ entry, writer, timeMs, said }) => {
    if (said.kind !== "write") return [];
    const path = readablePath(view, said.path);
    return [{ entry, writer, time: isoTime(timeMs), path, removes: said.value === undefined }];
  });
  return { meta: metaOf(source), count: writes.length, writes: writes.slice(-TOLD) };
}

function readAct({ type, body }: { readonly type: string; readonly body: string }): CutBody | UnroleBody {
  const bytes = fromBase64Url(body);
  try {
    const decoded = bytes === null ? null : decodeBody(type, bytes);
    if (decoded?.type === "cut" || decoded?.type === "unrole") return decoded;
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new LabError("Invalid", `not an act: ${cause.message}`, { field: "acts" }, { cause });
  }
  throw new LabError("Invalid", "an act is not base64url", { field: "acts" });
}
