import { createHash } from "node:crypto";
import { LabError } from "../../core/errors.ts";
import { isLabelName } from "../../core/names.ts";
import type { Outlook, Wishes } from "../../operator/declarations/apply.ts";
import type { ScannedModules } from "../../operator/declarations/plan-scan.ts";
import type { Declarations } from "../../operator/declarations/read.ts";
import type { SavedPlan } from "../../operator/declarations/saved-plan.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import type { Signing } from "../signing/signing.ts";
import { readDeclarationFiles } from "./declaration-files.ts";
import { readBytes } from "./files-under.ts";

/** The mark that files have when nobody gives them another. */
const DEFAULT_OWNER = "files";
const MAX_PLAN_BYTES = 32 * 1024 * 1024;

/** What `-f` and the flags beside it ask for; checked before anything is asked. Throws `Usage`, `InvalidFile`. */
export async function readWishes(ctx: CommandContext): Promise<Wishes> {
  const { flags, command } = ctx;
  const paths = flags.values("file");
  const dir = flags.value("modules");
  const words = ["lab", ...command.words].join(" ");
  if (paths.length === 0 && dir === undefined) {
    throw new LabError("Usage", `${command.words[0]} what?`, { field: "file", hint: `${words} -f FILE|DIR|-` });
  }
  if (paths.length === 0 && flags.on("prune")) {
    throw new LabError("Usage", "--prune needs the files", { field: "prune", hint: `${words} -f FILE|DIR|- --prune` });
  }
  const owner = flags.value("owner") ?? DEFAULT_OWNER;
  if (!isLabelName(owner)) {
    const hint = "lower-case letters, digits, dots, hyphens and underscores (homelab)";
    throw new LabError("InvalidName", `"${owner}" cannot be the mark of files`, { field: "owner", hint });
  }
  const [declarations, modules] = await Promise.all([
    paths.length === 0 ? null : readFiles(ctx, paths),
    dir === undefined ? null : readModules(ctx, dir),
  ]);
  return { declarations, modules, owner, prune: flags.on("prune"), force: flags.on("force") };
}

async function readFiles(ctx: CommandContext, paths: readonly string[]): Promise<Declarations> {
  const [files, { readDeclarations }] = await Promise.all([
    readDeclarationFiles(paths, ctx.io.cwd, ctx.io.stdin),
    import("../../operator/declarations/read.ts"),
  ]);
  return readDeclarations(files);
}

/** What the scan cannot tell is said before anything is asked of anybody. */
async function readModules(ctx: CommandContext, dir: string): Promise<ScannedModules> {
  const { scanModules, tellUnread } = await import("./puppet-modules.ts");
  const { scan } = scanModules(dir, ctx.io.cwd, `${["lab", ...ctx.command.words].join(" ")} --modules DIR`);
  tellUnread(ctx, scan);
  return scan;
}

/** The plan that `--plan` names. Throws `InvalidFile`. */
export async function readSavedPlan(ctx: CommandContext, path: string): Promise<SavedPlan> {
  const bytes = readBytes(path, ctx.io.cwd, MAX_PLAN_BYTES);
  const { readPlanFile } = await import("../../operator/declarations/saved-plan.ts");
  return readPlanFile(path, new TextDecoder().decode(bytes));
}

export async function outlookOf(connection: Connection, wishes: Wishes): Promise<Outlook> {
  const { lookAhead } = await import("../../operator/declarations/apply.ts");
  return lookAhead(connection, wishes, digest);
}

export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Signs a plan that changes something, over the connection that it was made with. Returns what was signed. */
export async function signOutlook(
  ctx: CommandContext,
  connection: Connection,
  outlook: Outlook,
  manner: { readonly look: () => Promise<Outlook>; readonly fixed: boolean },
): Promise<Outlook> {
  if (outlook.plan.changes.length === 0) {
    const { requireKept } = await import("../../operator/requests.ts");
    await requireKept(connection);
    return outlook;
  }
  const [{ signPlan, subjectsOf }, { withSigning }] = await Promise.all([
    import("../../operator/declarations/apply.ts"),
    import("../signing/signing.ts"),
  ]);
  const nowMs = ctx.io.now();
  const run = ({ session }: Signing) => signPlan(session, outlook, { ...manner, nowMs });
  return withSigning(ctx, subjectsOf(outlook.plan), run, connection);
}
