import { createBackup } from "../../core/backup/create.ts";
import { type Manifest, summaryOf } from "../../core/backup/manifest.ts";
import type { BackupPlace } from "../../core/backup/place.ts";
import { type Listed, readSeries } from "../../core/backup/series.ts";
import { LabError } from "../../core/errors.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { Backup } from "../../operations/kinds/backup.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { Secret as ListedSecret } from "../../operations/kinds/secret.ts";
import { readKeep, withPlace } from "../backup/backup-place.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import { printItem, printList } from "../render/document.ts";
import { ago, byteCount, NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

/** `lab backup create`, `lab backup list`. */
export async function run(ctx: CommandContext): Promise<number> {
  const { openPlatform } = await import("../node-door.ts");
  const { keys } = await openPlatform();
  return withPlace(ctx, (place) =>
    ctx.command.words[1] === "create" ? create(ctx, keys, place) : list(ctx, keys, place),
  );
}

async function create(ctx: CommandContext, keys: Keys, place: BackupPlace): Promise<number> {
  const keep = readKeep(ctx, "keep");
  const connection = await ctx.connect("agent");
  const { meta, items } = (await connection.call("GET", "/v1/backups")) as ListDocument<Backup>;
  const known = items.find((item) => item.place === place.name);
  const { signed, chunks, writtenBytes, removed } = await createBackup({
    keys,
    place,
    known,
    keep,
    make: async (body) => readBytes(await connection.call("POST", "/v1/backup-contents", { body })),
    warn: (sentence) => ctx.warn(sentence),
  });
  const { manifest } = signed;
  const item: Backup = { place: place.name, ...summaryOf(signed), madeAt: manifest.madeAt, by: manifest.madeBy.name };
  const { number, id, entries, secrets, bytes } = item;
  await connection.call("POST", "/v1/backups", { body: { place: place.name, number, id, entries, secrets, bytes } });
  await printItem(ctx, { kind: "Backup", meta, item }, { name: () => place.name }, () => [
    `✓ backup ${number} in ${place.name}`,
    `  ${entries} entries and ${secrets} sealed ${secrets === 1 ? "secret" : "secrets"}, ${byteCount(bytes)}`,
    `  ${chunks.written} of ${chunks.all} chunks were new (${byteCount(writtenBytes)})`,
    ...(removed === 0 ? [] : [`  let go of ${removed} older ${removed === 1 ? "backup" : "backups"}`]),
  ]);
  await warnOfSecrets(ctx, connection, secrets);
  return 0;
}

function readBytes(answer: unknown): Uint8Array {
  if (answer instanceof Uint8Array) return answer;
  throw new LabError("PeerFailed", "the agent's answer is no backup", { hint: "lab version, here and there" });
}

/** A backup without the secrets looks like one with them, until it is needed. */
async function warnOfSecrets(ctx: CommandContext, connection: Connection, kept: number): Promise<void> {
  const { items } = (await connection.call("GET", "/v1/secrets")) as ListDocument<ListedSecret>;
  const set = items.filter(({ version }) => version !== null).length;
  if (kept >= set) return;
  const what =
    set === 1
      ? "the one secret of this mesh is not in this backup"
      : kept === 0
        ? `none of the ${set} secrets is in this backup`
        : `only ${kept} of ${set} secrets are in it`;
  ctx.warn(`${what}: this machine does not keep ${set === 1 ? "it" : "them all"}`);
  ctx.note("  make it on a secret-store (lab get servers -l secret-store)");
}

/** A backup of a place as the list shows it. */
interface ListedBackup {
  readonly number: number;
  readonly id: string | null;
  readonly mesh: string | null;
  readonly madeAt: string | null;
  readonly by: string | null;
  readonly entries: number | null;
  readonly secrets: number | null;
  readonly bytes: number | null;
  /** - `whole`: everything was read and every signature checked · `signed`: its manifest was · `bad`: with the reason */
  readonly state: "whole" | "signed" | "bad";
  readonly reason: string | null;
}

const VIEW: View<ListedBackup> = {
  columns: [
    { header: "NUMBER", cell: ({ number }) => String(number) },
    {
      header: "MADE",
      cell: ({ madeAt }, nowMs) => (madeAt === null ? NOTHING : ago(madeAt, nowMs)),
      exact: ({ madeAt }) => madeAt,
    },
    { header: "BY", cell: ({ by }) => by ?? NOTHING },
    { header: "ENTRIES", cell: ({ entries }) => (entries === null ? NOTHING : String(entries)) },
    { header: "SECRETS", cell: ({ secrets }) => (secrets === null ? NOTHING : String(secrets)) },
    {
      header: "SIZE",
      cell: ({ bytes }) => (bytes === null ? NOTHING : byteCount(bytes)),
      exact: ({ bytes }) => (bytes === null ? null : String(bytes)),
    },
    {
      header: "STATE",
      cell: ({ state, reason }) => (state === "bad" ? `✗ ${reason}` : state === "whole" ? "✓ whole" : "signed"),
    },
    { header: "MESH", wide: true, cell: ({ mesh }) => mesh ?? NOTHING },
    { header: "ID", wide: true, cell: ({ id }) => id?.slice(0, 16) ?? NOTHING },
  ],
  name: ({ number }) => String(number),
  empty: { text: "no backups there yet", hint: "lab backup create PLACE" },
};

/** Needs no agent: whoever has nothing left but the place sees what is in it. Exit code 1 if any is bad. */
async function list(ctx: CommandContext, keys: Keys, place: BackupPlace): Promise<number> {
  const { backups } = await readSeries(keys, place);
  const items: ListedBackup[] = [];
  for (const listed of backups) {
    const error = listed.state === "bad" ? listed.error : await whatIsWrong(ctx, keys, place, listed);
    items.push(listedBackup(ctx, listed, error));
  }
  const asOf = new Date(ctx.io.now()).toISOString();
  const meta = { peer: place.name, asOf, newest: null, behind: [] };
  await printList(ctx, { kind: "BackupList", meta, items }, VIEW);
  return items.some(({ state }) => state === "bad") ? 1 : 0;
}

/** With `--verify` the whole backup is read. */
async function whatIsWrong(
  ctx: CommandContext,
  keys: Keys,
  place: BackupPlace,
  { signed }: Listed & { readonly state: "signed" },
): Promise<LabError | null> {
  if (!ctx.flags.on("verify")) return null;
  const { openBackup } = await import("../node-door.ts");
  try {
    const { inspection } = await openBackup(keys, place, signed);
    const [missing] = inspection.missing;
    return missing === undefined ? null : new LabError("BackupDamaged", `missing: ${missing}`);
  } catch (error) {
    if (error instanceof LabError) return error;
    throw error;
  }
}

function listedBackup(ctx: CommandContext, listed: Listed, error: LabError | null): ListedBackup {
  const manifest: Manifest | null = listed.state === "signed" ? listed.signed.manifest : null;
  const summary = listed.state === "signed" ? summaryOf(listed.signed) : null;
  return {
    number: listed.number,
    id: summary?.id ?? null,
    mesh: manifest?.meshName ?? null,
    madeAt: manifest?.madeAt ?? null,
    by: manifest?.madeBy.name ?? null,
    entries: summary?.entries ?? null,
    secrets: summary?.secrets ?? null,
    bytes: summary?.bytes ?? null,
    state: error !== null ? "bad" : ctx.flags.on("verify") ? "whole" : "signed",
    reason: error?.message ?? null,
  };
}
