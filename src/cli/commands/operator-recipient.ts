import { toHex } from "../../core/bytes.ts";
import { operatorRecipientPath } from "../../core/paths.ts";
import type { CommandContext } from "../command.ts";
import { withSigning } from "../signing/signing.ts";

/** `lab operator recipient`: what values of class sealed are sealed to for this key. */
export async function run(ctx: CommandContext): Promise<number> {
  await withSigning(ctx, {}, async ({ session }) => {
    const { recipient } = await session.sealIdentity();
    const path = operatorRecipientPath(toHex(session.publicKey));
    await session.refresh({ paths: [path] });
    await session.sign({ writes: [{ path, value: { seal: recipient } }] });
    ctx.print(`${recipient}\n`);
    ctx.note("the key opens what is sealed to it from now on: lab secret allow says of which secrets that is");
  });
  return 0;
}
