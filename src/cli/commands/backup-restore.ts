import { chooseBackup, readSeries } from "../../core/backup/series.ts";
import { LabError } from "../../core/errors.ts";
import { withPlace } from "../backup/backup-place.ts";
import type { CommandContext } from "../command.ts";
import { ago } from "../render/text.ts";
import type { OpenedBackup } from "../node-door.ts";
import type { Restoring } from "../backup/restoring.ts";

/** `lab backup restore`: checked to the last signature before anything is written or signed. */
export async function run(ctx: CommandContext): Promise<number> {
  const home = ctx.place.home ?? ctx.place.newHome;
  if (ctx.place.socket !== undefined && ctx.place.home === undefined) {
    throw new LabError("Usage", "a mesh is restored into a home, not through a socket", { hint: "--home DIR" });
  }
  const number = readNumber(ctx);
  const { openBackup, openIdleHome, openPlatform } = await import("../node-door.ts");
  const { keys, random } = await openPlatform();
  return withPlace(ctx, async (place) => {
    const series = await readSeries(keys, place);
    const signed = chooseBackup(place, series, number === undefined ? {} : { number });
    ctx.note(`reading backup ${signed.manifest.number} and checking every signature …`);
    const backup = await openBackup(keys, place, signed);
    tell(ctx, backup);
    const restoring: Restoring = { ctx, keys, random, home, backup };
    const member = await openIdleHome(home, keys);
    if (member === null) {
      const { restoreNewHome } = await import("../backup/restore-new-home.ts");
      await restoreNewHome(restoring);
    } else {
      const { restoreMember } = await import("../backup/restore-member.ts");
      await restoreMember(restoring, member);
    }
    return 0;
  });
}

function readNumber(ctx: CommandContext): number | undefined {
  const text = ctx.flags.value("number");
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new LabError("Usage", `--number cannot be "${text}"`, { field: "number", hint: "lab backup list PLACE" });
}

function tell(ctx: CommandContext, { signed, inspection, envelopes }: OpenedBackup): void {
  const { meshName, number, madeAt } = signed.manifest;
  const { entries, writers, newest, maker, missing } = inspection;
  const all = entries.authority + entries.desired + entries.audit;
  const parts = `${entries.authority} of authority, ${entries.desired} of desired state, ${entries.audit} of audit`;
  ctx.note(`backup ${number} of mesh ${meshName}, made ${ago(madeAt, ctx.io.now())} by ${maker.name}`);
  ctx.note(`  ${all} entries by ${writers} keys: ${parts}`);
  const until = newest === null ? "" : `, the newest entry of ${ago(newest, ctx.io.now())}`;
  ctx.note(`  ${envelopes.length} sealed ${envelopes.length === 1 ? "secret" : "secrets"}${until}`);
  if (missing.length === 0) ctx.note("  ✓ every signature and every chain is good, and nothing is missing");
  for (const sentence of missing) ctx.warn(`missing: ${sentence}`);
}
