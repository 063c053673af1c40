import type { CachedSecret } from "../../operations/kinds/cached-secret.ts";
import type { SecretCache } from "../secrets/secret-cache.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

/** `only` says which paths the caller may hear of. */
export function listSecretCache(
  source: ReadSource,
  cache: SecretCache,
  only: (path: string) => boolean = () => true,
): unknown {
  const time = (timeMs: number | null) => (timeMs === null ? null : isoTime(timeMs));
  const known = cache.list().filter(({ path }) => only(path));
  const items = known.map(
    ({ path, version, state, fetchedMs, refreshMs, before }): CachedSecret => ({
      path,
      version,
      status: state,
      fetched: time(fetchedMs),
      refresh: time(refreshMs),
      beforeUntil: time(before?.untilMs ?? null),
    }),
  );
  return { kind: "CachedSecretList", meta: metaOf(source), items };
}
