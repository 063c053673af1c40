import { existsSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "../../core/errors.ts";

import { answers } from "../machine/agent-process.ts";
import type { CommandContext } from "../command.ts";
import { commandPrefix } from "../next-command.ts";
import { sealHome, type Sealing, usualSealing } from "../node-door.ts";

/** `lab identity seal`. */
export async function run(ctx: CommandContext): Promise<number> {
  const { home } = ctx.place;
  if (home === undefined) throw new LabError("Usage", "a home is sealed, not a socket", { hint: "--home DIR" });
  if (!existsSync(join(home, "home.json"))) {
    throw new LabError("NoHome", `there is no home in ${home}`, { hint: "lab init --local, or lab join TOKEN" });
  }
  const device = ctx.flags.value("tpm2-device");
  const usual = device === undefined ? await usualSealing() : "tpm2";
  const sealing = (ctx.flags.value("with") as Sealing | undefined) ?? usual;
  if (ctx.flags.value("with") === undefined && sealing === "file") {
    throw new LabError("Failed", "this machine has no TPM that this user may use", {
      hint: "lab identity seal --with systemd-creds, or put the home on an encrypted disk",
    });
  }
  if (await answers(home)) {
    const hint = `${commandPrefix(ctx, "here")} agent stop`;
    throw new LabError("HomeInUse", "its agent runs, and has the keys that it was started with", { hint });
  }
  await sealHome(home, sealing, device);
  ctx.print(sealing === "file" ? "✓ the keys are files again\n" : `✓ the keys are sealed with ${sealing}\n`);
  if (sealing === "file") return 0;
  ctx.note("what lay on this disk before may still be found on it by whoever takes it apart:");
  ctx.note("lab identity renew gives the machine a new key, lab secret set a secret a new value");
  return 0;
}
