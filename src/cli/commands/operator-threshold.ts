import { LabError } from "../../core/errors.ts";
import { requireServerName } from "../../core/names.ts";
import type { ThresholdRight } from "../../operator/threshold.ts";
import type { CommandContext } from "../command.ts";
import { cutKeys, gather } from "../signing/removing.ts";
import { withAuthority } from "../signing/root-signing.ts";
import { printChanges, type Signing } from "../signing/signing.ts";

/** `lab operator threshold`: how many keys must stand behind an act. */
export async function run(ctx: CommandContext): Promise<number> {
  const wish = readWish(ctx);
  await withAuthority(ctx, {}, (signing) => change(ctx, signing, wish));
  return 0;
}

interface Wish {
  readonly right: ThresholdRight;
  readonly count: number;
  readonly name: string | null;
}

function readWish(ctx: CommandContext): Wish {
  const [right, count] = [ctx.args.one("RIGHT"), ctx.args.one("K")];
  if (right !== "admin" && right !== "destroy") {
    throw new LabError("Usage", `the right "${right}" has no threshold`, {
      field: "right",
      notes: right === "ops" ? ["desired state is one operator's word at a time"] : [],
      hint: "lab operator threshold admin 2",
    });
  }
  if (!/^[1-9]\d?$/.test(count)) {
    throw new LabError("Usage", `"${count}" is no number of keys`, { field: "k", hint: "a number from 1 to 99" });
  }
  const name = ctx.flags.value("for");
  return { right, count: Number(count), name: name === undefined ? null : requireServerName(name, "for") };
}

async function change(ctx: CommandContext, signing: Signing, { right, count, name }: Wish): Promise<void> {
  const { session } = signing;
  const [{ planThreshold }, { requireSenior }] = await Promise.all([
    import("../../operator/threshold.ts"),
    import("../../operator/removal.ts"),
  ]);
  await gather(ctx, signing);
  const { logs, keys, grants } = planThreshold(session.known, { right, count, name, nowMs: ctx.io.now() });
  if (logs.length === 0) {
    await printChanges(ctx, session.context, []);
    return;
  }
  const words = `lab operator threshold ${right} ${count}${name === null ? "" : ` --for ${name}`}`;
  const targets = logs.map((log) => ({ ...log, device: null }));
  requireSenior(session.rank, targets, "change a threshold, which is a cut and a new grant", `${words} --as-root`);
  await cutKeys(ctx, signing, {
    keys,
    whom: "the old grants, for new ones with another threshold",
    reason: `threshold ${right} ${count}`,
    changes: logs.map(({ name: whose, need, log }) => {
      const field = `${log.slice(0, 12)} need ${right}`;
      return { action: "update", kind: "operator", name: whose, field, from: need[right], to: count, why: null };
    }),
    after: { acts: grants },
  });
}
