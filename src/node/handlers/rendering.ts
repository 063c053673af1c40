import { render } from "../../core/rendering/render.ts";
import type { Rendering } from "../../operations/rendering.ts";
import { metaOf, type ReadSource } from "./read-source.ts";

export function renderAlerts(source: ReadSource, { backend }: Pick<Rendering, "backend">): unknown {
  const { files, skipped } = render(source.targeting(), backend);
  return { kind: "Rendering", meta: metaOf(source), item: { backend, files, skipped } };
}
