import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { SecretStatus, SecretStoreStatus } from "../../operations/kinds/secret-report.ts";
import type { CommandContext } from "../command.ts";
import { printItem } from "../render/document.ts";
import { secretStatusPage, secretStoresPage } from "../render/secret-status.ts";

/** `lab secret status [--store]` */
export async function run(ctx: CommandContext): Promise<number> {
  const connection = await ctx.connect();
  const nowMs = ctx.io.now();
  if (ctx.flags.on("store")) {
    const stores = (await connection.call("GET", "/v1/secret-stores")) as ItemDocument<SecretStoreStatus>;
    await printItem(ctx, stores, { name: () => "" }, (item) => secretStoresPage(item, nowMs));
    return 0;
  }
  const status = (await connection.call("GET", "/v1/secret-status")) as ItemDocument<SecretStatus>;
  await printItem(ctx, status, { name: () => "" }, (item) => secretStatusPage(item, nowMs));
  return 0;
}
