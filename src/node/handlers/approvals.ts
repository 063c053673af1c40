import type { Approval } from "../../operations/kinds/approval.ts";
import { objectOf } from "./audit.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

/** What waits for how many more signatures, oldest first by the writers' clocks. */
export function listApprovals(source: ReadSource): unknown {
  const view = source.replica.view();
  const { graph } = source.replica;
  const nameOf = (key: string) => view.operators.find((operator) => operator.key === key)?.name ?? key.slice(0, 12);
  const items = view.pending().map(({ entry, type, writer, keys, need }): Approval => {
    const body = graph.find(entry)?.body ?? { type: "unknown" as const };
    return {
      entry,
      type,
      object: objectOf(view, body),
      writer,
      time: isoTime("at" in body ? body.at : 0),
      signedBy: keys.map(nameOf),
      has: keys.length,
      need,
    };
  });
  items.sort((a, b) => (a.time === b.time ? (a.entry < b.entry ? -1 : 1) : a.time < b.time ? -1 : 1));
  return { kind: "ApprovalList", meta: metaOf(source), items };
}
