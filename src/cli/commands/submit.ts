import { toBase64Url } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import type { Approval } from "../../operations/kinds/approval.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { CommandContext } from "../command.ts";
import { readSmallFile } from "../signing/order-files.ts";
import { requireAgent } from "../signing/signing.ts";

/** `lab submit`: signed orders go to a member, which judges them as it does everything. */
export async function run(ctx: CommandContext): Promise<number> {
  const files = ctx.args.all("FILE");
  const signature = ctx.flags.value("signature");
  if (signature !== undefined && files.length > 1) {
    throw new LabError("Usage", "--signature goes with one order", {
      field: "signature",
      hint: "FILE.sig beside each",
    });
  }
  const [connection, { openPlatform }, orders, { submitEntries }] = await Promise.all([
    ctx.connect("agent"),
    import("../node-door.ts"),
    import("../../operator/order.ts"),
    import("../../operator/requests.ts"),
  ]);
  requireAgent(connection);
  const { keys } = await openPlatform();
  const signed = files.map((file) => {
    const draft = orders.readOrder(keys, file, readSmallFile(ctx, file));
    if (draft.header.type === "genesis") {
      throw new LabError("Usage", `${file} founds a mesh: there is no member yet`, {
        hint: `lab init --local --from ${file}`,
      });
    }
    const name = signature ?? `${file}.sig`;
    return orders.joinSignature(keys, draft, name, new TextDecoder().decode(readSmallFile(ctx, name)));
  });
  const short = (id: string) => id.slice(0, 12);
  for (const [i, draft] of signed.entries()) ctx.note(`${files[i]}: ${orders.describeOrder(draft, short)}`);
  const { results } = await submitEntries(
    connection,
    signed.map(({ bytes }) => toBase64Url(bytes)),
  );
  const at = results.findIndex(({ state }) => state === "refused");
  if (at >= 0) {
    throw new LabError("EntryRefused", `${files[at]} was refused: ${results[at]?.reason}`, {
      hint: "lab get operators shows what its key may do; write the order anew if the key is another one now",
    });
  }
  const { items } = (await connection.call("GET", "/v1/approvals")) as ListDocument<Approval>;
  for (const [i, draft] of signed.entries()) {
    ctx.print(
      `✓ ${files[i]} ${standing(
        results[i]?.state,
        items.find(({ entry }) => entry === draft.id),
      )}\n`,
    );
  }
  return 0;
}

function standing(state: string | undefined, waiting: Approval | undefined): string {
  if (state === "parked") return "waits for entries that this member has not got yet";
  if (waiting !== undefined) {
    return `waits for ${waiting.need - waiting.has} more: lab approve ${waiting.entry.slice(0, 12)}`;
  }
  return state === "known" ? "was here already" : "was taken";
}
