import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type AuditHead, readHeads } from "../../core/audit-heads.ts";
import { LabError } from "../../core/errors.ts";
import type { AuditFlaw, AuditLetGo } from "../../operations/kinds/audit-head.ts";
import type { ItemDocument, ListDocument, Meta } from "../../operations/kinds/meta.ts";
import type { Status } from "../../operations/kinds/status.ts";
import type { CommandContext } from "../command.ts";
import { printList } from "../render/document.ts";
import type { View } from "../render/view.ts";

interface Flaw extends Pick<AuditFlaw, "author" | "log" | "class" | "seq" | "to" | "problem"> {
  readonly detail?: string;
}

const VIEW: View<Flaw> = {
  columns: [
    { header: "AUTHOR", cell: ({ author }) => author },
    { header: "LOG", cell: ({ class: chainClass }) => ["authority", "desired", "audit"][chainClass] ?? "unknown" },
    { header: "SEQ", cell: ({ seq, to }) => (seq === to ? String(seq) : `${seq}–${to}`) },
    { header: "PROBLEM", cell: ({ problem }) => `✗ ${problem}`, exact: ({ problem }) => problem },
    { header: "DETAIL", cell: ({ detail }) => detail ?? "" },
  ],
  name: ({ log, seq }) => `${log}/${seq}`,
  empty: { text: "nothing was edited, cut off or moved" },
};

/** `lab audit verify`: the mesh, or with `--file` an export of it. */
export async function run(ctx: CommandContext): Promise<number> {
  const file = ctx.flags.value("file");
  return file === undefined ? verifyMesh(ctx) : verifyFile(ctx, file);
}

interface Verified {
  readonly meta: Meta;
  readonly entries: number;
  readonly logs: number;
  readonly peers: readonly string[];
  readonly flaws: readonly AuditFlaw[];
  /** Not told by an agent of an earlier release, which lets go of nothing. */
  readonly letGo?: readonly AuditLetGo[];
  readonly heads: readonly AuditHead[];
}

interface FlawList extends ListDocument<Flaw> {
  readonly letGo: readonly AuditLetGo[];
}

function printFlaws(ctx: CommandContext, list: FlawList): Promise<void> {
  return printList<Flaw>(ctx, list, VIEW);
}

/** Logs that are named one by one. */
const NAMED = 5;

/** What is no flaw, and must not look like one either. */
function tellLetGo(ctx: CommandContext, letGo: readonly AuditLetGo[]): void {
  if (letGo.length === 0) return;
  const entries = letGo.reduce((sum, { to }) => sum + to, 0);
  ctx.note(`  let go of by age: ${entries} entries of ${letGo.length} ${letGo.length === 1 ? "log" : "logs"}`);
  for (const { author, to, before } of letGo.slice(0, NAMED)) {
    ctx.note(`    ${author} 1–${to}, from before ${before.slice(0, 10)}`);
  }
  if (letGo.length > NAMED) ctx.note(`    and ${letGo.length - NAMED} more (-o json names all)`);
}

async function verifyMesh(ctx: CommandContext): Promise<number> {
  const connection = await ctx.connect("agent");
  const { item } = (await connection.call("GET", "/v1/status")) as ItemDocument<Status>;
  const memory = new HeadMemory(ctx, item.mesh);
  ctx.note("asking every member for what it has, and checking all of it …");
  const body = { heads: memory.heads };
  const answer = (await connection.call("POST", "/v1/audit-verify", { body })) as Verified;
  const { meta, flaws, letGo = [] } = answer;
  await printFlaws(ctx, { kind: "AuditFlawList", meta, items: flaws, letGo });
  const holds = flaws.length === 0;
  if (holds) {
    memory.write(answer.heads);
    const others = answer.peers.length === 0 ? "no other member answered" : `compared with ${answer.peers.join(", ")}`;
    ctx.note(`✓ ${answer.entries} entries of ${answer.logs} logs hold; ${others}`);
  }
  tellLetGo(ctx, letGo);
  return holds ? 0 : 1;
}

async function verifyFile(ctx: CommandContext, path: string): Promise<number> {
  const [{ openPlatform }, { checkExport }] = await Promise.all([
    import("../node-door.ts"),
    import("../../operator/audit-file.ts"),
  ]);
  const { keys } = await openPlatform();
  let text: string;
  try {
    text = readFileSync(resolve(ctx.io.cwd, path), "utf8");
  } catch (cause) {
    throw new LabError("InvalidFile", `${path} cannot be read`, { field: "file", hint: "--file FILE" }, { cause });
  }
  // What this device saw later than the export is no fault of it.
  const { header, entries, flaws, letGo } = await checkExport(keys, path, text, () => [], ctx.io.now());
  const at = new Date(ctx.io.now()).toISOString();
  const meta: Meta = { peer: path, asOf: at, newest: null, behind: [] };
  await printFlaws(ctx, { kind: "AuditFlawList", meta, items: [...flaws], letGo });
  if (flaws.length === 0) {
    ctx.note(
      `✓ ${entries} entries of mesh ${header.meshName} (${header.mesh.slice(0, 12)}) hold, as of ${header.exported}`,
    );
  }
  tellLetGo(ctx, letGo);
  return flaws.length === 0 ? 0 : 1;
}

/** Where every log ended when this device last looked: an agent that cuts a tail off is found out by it. */
class HeadMemory {
  readonly #dir: string;
  readonly #path: string;

  constructor({ place }: CommandContext, mesh: string) {
    this.#dir = join(place.operatorDir, "audit-heads");
    this.#path = join(this.#dir, `${mesh}.json`);
  }

  get heads(): readonly AuditHead[] {
    try {
      return readHeads(readFileSync(this.#path, "utf8"));
    } catch {
      return [];
    }
  }

  write(heads: readonly AuditHead[]): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    writeFileSync(`${this.#path}.new`, JSON.stringify(heads), { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }
}
