import { resolve } from "node:path";
import { type BackupPlace, parsePlace, type PlaceAddress } from "../core/backup/place.ts";
import type { CommandContext } from "./command.ts";

/** Opens the place that a command names, and closes it whatever happens. */
export async function withPlace<T>(ctx: CommandContext, run: (place: BackupPlace) => Promise<T>): Promise<T> {
  const { openPlace } = await import("./node-door.ts");
  const place = await openPlace(placeHere(ctx), {
    env: ctx.io.env,
    s3Credentials: ctx.flags.value("s3-credentials"),
  });
  try {
    return await run(place);
  } finally {
    await place.close();
  }
}

/** Paths are those of the caller. */
function placeHere(ctx: CommandContext): PlaceAddress {
  const address = parsePlace(ctx.args.one("PLACE"));
  return address.kind === "dir" ? { ...address, path: resolve(ctx.io.cwd, address.path) } : address;
}
