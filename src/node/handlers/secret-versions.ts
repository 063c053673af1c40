import { LabError, NotFoundError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { secretVersionPath } from "../../core/paths.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import type { Peers } from "../../core/ports/mesh.ts";
import { decodeHeldPage, encodeListRequest, LIST_CHANNEL } from "../../core/secrets/messages.ts";
import { readVersion } from "../../core/secrets/version.ts";
import { CLASS_DESIRED } from "../../crdt/entry/entry.ts";
import type { SecretVersion } from "../../operations/kinds/secret-version.ts";
import { versionWriter } from "./lists.ts";
import { historyMetaOf } from "../ledger-sizes.ts";
import { isoTime, type ReadSource } from "./read-source.ts";

const ASK_TIMEOUT_MS = 3000;

/** `peers` is who can ask the stores what they hold; null where no agent runs. */
export async function listSecretVersions(
  source: ReadSource,
  peers: Pick<Peers, "request"> | null,
  { path }: { readonly path: string },
): Promise<unknown> {
  await source.replica.makeWhole((chain) => chain.class === CLASS_DESIRED);
  const view = source.replica.view();
  const writes = view.writesAt(secretVersionPath(path));
  if (writes.length === 0)
    throw new NotFoundError("secret", path, nearest(path, source.targeting().fleet.secrets.keys()));
  const holders = peers === null ? null : await holdersOf(source, peers, path);
  const items = writes.map(({ entry, log, hlc, value, standing }): SecretVersion => {
    const metadata = readVersion(value);
    return {
      path,
      version: entry,
      time: isoTime(hlc.ms),
      by: versionWriter(view, log),
      log,
      state: value === undefined ? "removal" : standing,
      class: metadata?.class ?? "",
      restores: metadata?.restores ?? null,
      stores: value === undefined ? [] : (holders?.get(entry) ?? (holders === null ? null : [])),
    };
  });
  return { kind: "SecretVersionList", meta: historyMetaOf(source), items };
}

/** Names of the stores that say that they hold a version, by version. */
async function holdersOf(source: ReadSource, peers: Pick<Peers, "request">, path: string) {
  const holders = new Map<string, string[]>();
  const stores = [...source.replica.view().holders(SECRET_STORE)].sort((a, b) => (a.name < b.name ? -1 : 1));
  const answers = stores.map(async ({ name, key }) => {
    try {
      const request = encodeListRequest({ after: null, path });
      const page = decodeHeldPage(await peers.request(key, LIST_CHANNEL, request, ASK_TIMEOUT_MS));
      return { name, held: page.held.filter((held) => held.path === path) };
    } catch (error) {
      if (error instanceof LabError) return { name, held: [] };
      throw error;
    }
  });
  for (const { name, held } of await Promise.all(answers)) {
    for (const { version } of held) holders.set(version, [...(holders.get(version) ?? []), name]);
  }
  return holders;
}
