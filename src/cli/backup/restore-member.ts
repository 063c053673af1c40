import { type Resealed, resealEnvelopes } from "../../core/backup/reseal.ts";
import { fromHex, toBase64Url, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { encodeEnvelope } from "../../core/secrets/envelope.ts";
import { connectAgentOf } from "../connection/agent-connection.ts";
import type { Connection } from "../connection/connection.ts";
import type { IdleHome } from "../node-door.ts";
import { type OpenedCode, openCode, type Restoring, tellSecrets } from "./restoring.ts";

/** Below what an agent takes as one request, in base64. */
const PORTION_BYTES = 4 * 1024 * 1024;

/** Adds what a member's home lacks. Entries are a set: nothing that is newer goes. */
export async function restoreMember(restoring: Restoring, member: IdleHome): Promise<void> {
  const { ctx, keys, random, home, backup } = restoring;
  backup.requireMesh({ mesh: fromHex(member.mesh) as Uint8Array });
  const code = ctx.flags.value("code") === undefined ? null : await openCode(restoring);
  if (code !== null) backup.requireMesh({ root: code.signer.publicKey });
  const connection = await connectAgentOf(home, "agent", { timeoutMs: ctx.globals.timeoutMs });
  if (connection !== undefined) {
    try {
      await throughAgent(restoring, connection, code);
    } finally {
      await connection.close();
    }
    return;
  }
  let unreadable: readonly string[] = [];
  const { admitted, envelopes, found } = await member.merge(
    backup.entries,
    async (view) => {
      const seal = code?.seal ?? null;
      const resealed = await resealEnvelopes(
        { keys, random },
        seal,
        { view, mesh: backup.replica.mesh },
        backup.envelopes,
      );
      unreadable = code === null ? [] : resealed.unreadable;
      return resealed.envelopes;
    },
    ctx.io.now(),
  );
  if (found !== null) ctx.warn(found);
  tellMerged(restoring, member.name, admitted);
  if (code === null) tellClosed(restoring);
  tellSecrets(ctx, envelopes, unreadable);
}

async function throughAgent(restoring: Restoring, connection: Connection, code: OpenedCode | null): Promise<void> {
  const { ctx, keys, random, backup } = restoring;
  const { askContext, deliverEnvelope, submitEntries } = await import("../../operator/requests.ts");
  let admitted = 0;
  for (const part of portions(backup.entries)) {
    const { results } = await submitEntries(connection, part.map(toBase64Url));
    const refused = results.find(({ state }) => state === "refused");
    if (refused !== undefined) throw new LabError("EntryRefused", `an entry was refused: ${refused.reason}`);
    admitted += results.filter(({ state }) => state === "admitted").length;
  }
  const key = code?.signer.publicKey ?? new Uint8Array(32);
  const context = await askContext(connection, { key: toHex(key), servers: [], paths: [], holds: [], knows: [] });
  tellMerged(restoring, context.self.name, admitted);
  if (code === null) return tellClosed(restoring);
  const recipients = [
    ...context.stores.map(({ seal }) => seal),
    ...(context.recovery === null ? [] : [context.recovery]),
  ];
  const { envelopes, unreadable }: Resealed = await resealEnvelopes(
    { keys, random },
    code.seal,
    { view: backup.replica.view(), mesh: backup.replica.mesh, recipients: [...new Set(recipients)].sort() },
    backup.envelopes,
  );
  const left = [...unreadable];
  for (const envelope of envelopes) {
    const { path, version } = envelope;
    const body = { path, version, envelope: toBase64Url(encodeEnvelope(envelope)) };
    const { stores } = await deliverEnvelope(connection, body);
    // A store does not take what is not current any more: it has, or looks for, what came after.
    if (!stores.some(({ stored }) => stored)) left.push(path);
  }
  tellSecrets(ctx, envelopes.length + unreadable.length - left.length, left);
}

function tellMerged({ ctx, backup }: Restoring, name: string, admitted: number): void {
  const known = backup.entries.length - admitted;
  ctx.print(`✓ ${name} got ${admitted} entries that it did not have; ${known} it had\n`);
}

/** Another machine's store may have them; where none is left, nobody reads them without the code. */
function tellClosed({ ctx, backup }: Restoring): void {
  if (backup.envelopes.length === 0) return;
  ctx.warn("only the recovery code opens the backup's secrets: where no store has them, again with --code FILE");
}

function portions(entries: readonly Uint8Array[]): Uint8Array[][] {
  const parts: Uint8Array[][] = [];
  let room = 0;
  for (const entry of entries) {
    if (entry.length > room) {
      parts.push([]);
      room = PORTION_BYTES;
    }
    parts.at(-1)?.push(entry);
    room -= entry.length;
  }
  return parts;
}
