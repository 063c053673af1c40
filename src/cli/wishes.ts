import { createHash } from "node:crypto";
import { LabError } from "../core/errors.ts";
import { isLabelName } from "../core/names.ts";
import type { Outlook, Wishes } from "../operator/declarations/apply.ts";
import type { SavedPlan } from "../operator/declarations/saved-plan.ts";
import type { CommandContext } from "./command.ts";
import type { Connection } from "./connection.ts";
import type { Signing } from "./signing.ts";
import { readDeclarationFiles } from "./declaration-files.ts";
import { readBytes } from "./files-under.ts";

/** The mark that files have when nobody gives them another. */
const DEFAULT_OWNER = "files";
const MAX_PLAN_BYTES = 32 * 1024 * 1024;

/** What `-f` and the flags beside it ask for; checked before anything is asked. Throws `Usage`, `InvalidFile`. */
export async function readWishes(ctx: CommandContext): Promise<Wishes> {
  const { flags, command } = ctx;
  const paths = flags.values("file");
  const words = ["lab", ...command.words].join(" ");
  if (paths.length === 0) {
    throw new LabError("Usage", `${command.words[0]} what?`, { field: "file", hint: `${words} -f FILE|DIR|-` });
  }
  const owner = flags.value("owner") ?? DEFAULT_OWNER;
  if (!isLabelName(owner)) {
    const hint = "lower-case letters, digits, dots, hyphens and underscores (homelab)";
    throw new LabError("InvalidName", `"${owner}" cannot be the mark of files`, { field: "owner", hint });
  }
  const [files, { readDeclarations }] = await Promise.all([
    readDeclarationFiles(paths, ctx.io.cwd, ctx.io.stdin),
    import("../operator/declarations/read.ts"),
  ]);
  return { declarations: readDeclarations(files), owner, prune: flags.on("prune"), force: flags.on("force") };
}

/** The plan that `--plan` names. Throws `InvalidFile`. */
export async function readSavedPlan(ctx: CommandContext, path: string): Promise<SavedPlan> {
  const bytes = readBytes(path, ctx.io.cwd, MAX_PLAN_BYTES);
  const { readPlanFile } = await import("../operator/declarations/saved-plan.ts");
  return readPlanFile(path, new TextDecoder().decode(bytes));
}

export async function outlookOf(connection: Connection, wishes: Wishes): Promise<Outlook> {
  const { lookAhead } = await import("../operator/declarations/apply.ts");
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
  if (outlook.plan.changes.length === 0) return outlook;
  const [{ signPlan, subjectsOf }, { withSigning }] = await Promise.all([
    import("../operator/declarations/apply.ts"),
    import("./signing.ts"),
  ]);
  const nowMs = ctx.io.now();
  const run = ({ session }: Signing) => signPlan(session, outlook, { ...manner, nowMs });
  return withSigning(ctx, subjectsOf(outlook.plan), run, connection);
}
