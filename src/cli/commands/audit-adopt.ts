import { LabError } from "../../core/errors.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { VoidItem } from "../../operations/kinds/void-act.ts";
import type { Change } from "../../operator/change.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { clockTime } from "../render/text.ts";
import type { View } from "../render/view.ts";
import { printChanges, type Signing, withSigning } from "../signing/signing.ts";

const PATH = "/v1/voids";

const VIEW: View<VoidItem> = {
  columns: [
    { header: "ENTRY", cell: ({ entry }) => entry.slice(0, 12), exact: ({ entry }) => entry },
    { header: "WRITER", cell: ({ writer }) => writer },
    { header: "ACT", cell: ({ type }) => type },
    { header: "OBJECT", cell: ({ object }) => object },
    { header: "TIME", cell: ({ time }) => clockTime(time), exact: ({ time }) => time },
    { header: "BECAUSE", wide: true, cell: ({ because }) => because },
  ],
  name: ({ entry }) => entry,
  empty: { text: "nothing is void that nobody has adopted or dismissed" },
};

const isOpen = ({ state }: VoidItem) => state === "unadopted";

/** `lab audit adopt`: without words it lists what waits; with them it says it again, or puts it aside. */
export async function run(ctx: CommandContext): Promise<number> {
  const wanted = ctx.args.all("ENTRY").map((text) => text.toLowerCase());
  const all = ctx.flags.on("all");
  if (wanted.length === 0 && !all) {
    if (ctx.flags.on("dismiss")) {
      throw new LabError("Usage", "dismiss what?", { hint: "lab audit adopt --dismiss ENTRY, or --all" });
    }
    return runList(ctx, { path: PATH, view: VIEW, narrow: (items) => items.filter(isOpen) });
  }
  await withSigning(ctx, {}, (signing) => adopt(ctx, signing, all ? "all" : wanted));
  return 0;
}

async function adopt(ctx: CommandContext, signing: Signing, wanted: readonly string[] | "all"): Promise<void> {
  const { session, connection } = signing;
  const { broughtWrites, chooseVoids, planAdoption, planDismissal } = await import("../../operator/adoption.ts");
  const { items } = (await connection.call("GET", PATH)) as ListDocument<VoidItem>;
  const open = items.filter(isOpen);
  const chosen = wanted === "all" ? open : chooseVoids(open, wanted);
  if (ctx.flags.on("dismiss")) {
    const writes = planDismissal(chosen);
    await session.refresh({ paths: writes.map(({ path }) => path) });
    if (writes.length > 0) await session.sign({ writes });
    await printChanges(
      ctx,
      session.context,
      chosen.map((item) => changeOf(item, "delete")),
    );
    return;
  }
  const needsAdmin = chosen.some(({ kind }) => kind === "authority");
  const rank = needsAdmin ? session.rank : 1;
  const plan = planAdoption(session.known, chosen, { rank, nowMs: ctx.io.now() });
  for (const { entry, why } of plan.left) ctx.warn(`${entry.slice(0, 12)} is left as it is: ${why}`);
  await session.refresh({ paths: plan.writes.map(({ path }) => path) });
  if (plan.acts.length + plan.writes.length > 0) {
    const { acts } = await session.sign(plan);
    const writes = [...plan.brought].flatMap(([at, brought]) => broughtWrites(acts[at]?.entry.id ?? "", brought));
    const mayWrite = session.context.logs.some(({ rank: one, rights }) => one > 0 && rights.includes("ops"));
    if (writes.length > 0 && mayWrite) await session.sign({ writes });
  }
  const left = new Set(plan.left.map(({ entry }) => entry));
  const adopted = chosen.filter(({ entry }) => !left.has(entry));
  await printChanges(
    ctx,
    session.context,
    adopted.map((item) => changeOf(item, "create")),
  );
}

function changeOf({ type, object, entry, writer }: VoidItem, action: "create" | "delete"): Change {
  return {
    action,
    kind: type,
    name: object,
    field: null,
    from: null,
    to: null,
    why: `${entry.slice(0, 12)} by ${writer}`,
  };
}
