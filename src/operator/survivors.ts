import { fromHex, toHex } from "../core/bytes.ts";
import type { Keys } from "../core/ports/keys.ts";
import { CLASS_DESIRED, type Entry } from "../crdt/entry/entry.ts";
import type { Replica } from "../crdt/replica.ts";
import { type OperatorKey, ownLogDir } from "./files/key-file.ts";
import { OwnLog } from "./files/own-log.ts";
import { KnownAuthority } from "./known-authority.ts";

/** What a surviving operator's directory knows of the mesh, which may be newer than the backup. */
export function survivingEntries(keys: Keys, operatorDir: string, { name, mesh }: OperatorKey): Uint8Array[] {
  const dir = ownLogDir(operatorDir, name);
  const known = new KnownAuthority(keys, dir, mesh).graph.entries.map(({ entry }) => entry);
  const own = OwnLog.list(dir).flatMap((log) => {
    const ownLog = OwnLog.open(keys, dir, log);
    return [...ownLog.authorityEntries(), ...ownLog.ledgerAfter(0)];
  });
  return [...known, ...own].map(({ bytes }) => bytes);
}

/**
 * Writes into the operator's own logs what the mesh has of them and they lack: a key that was copied here without its
 * log must not give a number twice.
 */
export function completeOwnLogs(
  keys: Keys,
  operatorDir: string,
  name: string,
  key: Uint8Array,
  replica: Replica,
): void {
  const hex = toHex(key);
  const dir = ownLogDir(operatorDir, name);
  for (const operator of replica.authority.operators.values()) {
    if (operator.key !== hex || operator.state !== "live") continue;
    const own = OwnLog.open(keys, dir, fromHex(operator.log) as Uint8Array);
    const here = new Set(own.authorityEntries().map(({ id }) => id));
    const acts: Entry[] = replica.graph.entries
      .filter(({ log, entry }) => log === operator.log && !here.has(entry.id))
      .map(({ entry }) => entry);
    const chain = replica.chain(operator.log, CLASS_DESIRED);
    const links = (chain?.main ?? []).map(({ entry }) => entry);
    own.append([...acts, ...links.filter(({ header }) => header.seq > (own.head?.seq ?? 0))]);
  }
}
