import type { VoidCause } from "../../core/voids.ts";
import type { VoidItem } from "../../operations/kinds/void-act.ts";
import { objectOf, readablePath } from "./audit.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

/** Everything void, oldest first by the writers' clocks. */
export function listVoids(source: ReadSource): unknown {
  const view = source.replica.view();
  const { graph } = source.replica;
  const items = view.voids().map(({ entry, writer, timeMs, said, because, state }): VoidItem => {
    const common = { entry, writer, time: isoTime(timeMs), because: reasonOf(because), state };
    if (said.kind === "write") {
      const { path, value } = said;
      const type = value === undefined ? "remove" : "write";
      const told = value === undefined ? {} : { value };
      return { ...common, kind: "write", type, object: readablePath(view, path), path, ...told } as VoidItem;
    }
    const body = graph.find(entry)?.body ?? { type: "unknown" as const };
    return { ...common, kind: "authority", type: said.type, object: objectOf(view, body), path: null };
  });
  return { kind: "VoidList", meta: metaOf(source), items };
}

function reasonOf(because: VoidCause): string {
  const named = (ids: readonly string[]) => ids.map((id) => id.slice(0, 12)).join(", ");
  switch (because.cause) {
    case "cut":
      return `its writer was cut before it by ${named(because.by)}`;
    case "opening":
      return `what let its writer in is void${because.by.length === 0 ? "" : ` by ${named(because.by)}`}`;
    case "fork":
      return "its writer signed two histories";
    case "branch":
      return `${named(because.by)} chose the other history`;
    case "token":
      return "its token is void";
    case "rank":
      return "it grants more than its writer has";
  }
}
