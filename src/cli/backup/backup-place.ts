import { resolve } from "node:path";
import { type BackupPlace, parsePlace, type PlaceAddress } from "../../core/backup/place.ts";
import { LabError } from "../../core/errors.ts";
import type { CommandContext } from "../command.ts";

/** Opens the place that a command names, and closes it whatever happens. */
export async function withPlace<T>(ctx: CommandContext, run: (place: BackupPlace) => Promise<T>): Promise<T> {
  const { openPlace } = await import("../node-door.ts");
  const place = await openPlace(placeHere(ctx, ctx.args.one("PLACE")), {
    env: ctx.io.env,
    s3Credentials: ctx.flags.value("s3-credentials"),
  });
  try {
    return await run(place);
  } finally {
    await place.close();
  }
}

/** Paths are those of the caller. Throws `Usage`. */
export function placeHere(ctx: CommandContext, text: string): PlaceAddress {
  const address = parsePlace(text);
  return address.kind === "dir" ? { ...address, path: resolve(ctx.io.cwd, address.path) } : address;
}

/** How many backups stay; all of them if the flag is not there. Throws `Usage`. */
export function readKeep(ctx: CommandContext, flag: string): number | undefined {
  const text = ctx.flags.value(flag);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new LabError("Usage", `--${flag} cannot be "${text}"`, { field: flag, hint: "a whole number above zero" });
}
