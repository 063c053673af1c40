import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { dirname, join, resolve } from "node:path";
import { LabError } from "../../core/errors.ts";
import type { CommandContext } from "../command.ts";
import { MACHINE_HOME, MACHINE_SECRETS } from "../connection/place.ts";
import { agentUnit, memoryFor, mountUnit, mountUnitName, type ServiceFacts } from "../machine/service-units.ts";

const UNITS = "/etc/systemd/system";

/** `lab agent install`: writes units and starts nothing. */
export function run(ctx: CommandContext): Promise<number> {
  const directory = resolve(ctx.io.cwd, ctx.flags.value("units") ?? UNITS);
  const facts: ServiceFacts = {
    program: join(dirname(process.argv[1] ?? ""), "../bin/lab"),
    home: ctx.place.home ?? MACHINE_HOME,
    secrets: resolve(ctx.io.cwd, ctx.flags.value("secrets-dir") ?? MACHINE_SECRETS),
    memory: memoryFor(release()),
    tpm: existsSync("/dev/tpmrm0") ? "present" : "absent",
  };
  const units = { "lab-agent.service": agentUnit(facts), [mountUnitName(facts.secrets)]: mountUnit(facts) };
  try {
    mkdirSync(directory, { recursive: true });
    for (const [name, text] of Object.entries(units)) {
      writeFileSync(join(directory, name), text);
      ctx.print(`✓ ${join(directory, name)}\n`);
    }
  } catch (cause) {
    const { message } = cause as NodeJS.ErrnoException;
    throw new LabError(
      "NotAuthorised",
      message,
      { hint: "run as root, or choose another place: --units DIR" },
      { cause },
    );
  }
  ctx.note("next:");
  ctx.note("  systemctl daemon-reload");
  ctx.note("  systemctl enable --now lab-agent.service");
  return Promise.resolve(0);
}
