import type { ExposureDocument } from "../../operations/exposure.ts";
import { exposuresNow } from "../secrets/exposure-watch.ts";
import { grantLog } from "./grant-log.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

/** What those have who left, and which stores were not heard out. */
export async function listExposures(source: ReadSource): Promise<ExposureDocument> {
  const { silent } = await grantLog(source);
  const exposures = await exposuresNow(
    () => source.replica.view(),
    () => grantLog(source),
    source.nowMs(),
  );
  const nowMs = source.nowMs();
  return {
    meta: metaOf(source),
    items: exposures.map(({ path, version, type, sinceMs, deadlineMs, holders }) => ({
      path,
      version,
      type,
      since: isoTime(sinceMs),
      deadline: deadlineMs === null ? null : isoTime(deadlineMs),
      overdue: deadlineMs !== null && deadlineMs < nowMs,
      holders: holders.map((holder) => ({
        name: holder.name,
        node: holder.id,
        as: holder.as,
        since: isoTime(holder.sinceMs),
      })),
    })),
    incomplete: silent.map(({ name, sinceMs, standing }) => ({
      store: name,
      lastHeard: sinceMs === null ? null : isoTime(sinceMs),
      standing,
    })),
  };
}
