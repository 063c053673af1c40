import type { CommandModule } from "./command.ts";

/** One file per command, loaded when it is called. The paths are literals, because the bundler has to see them. */
export const COMMAND_MODULES: Readonly<Record<string, () => Promise<CommandModule>>> = {
  agent: () => import("./commands/agent.ts"),
  approve: () => import("./commands/approve.ts"),
  apply: () => import("./commands/apply.ts"),
  backup: () => import("./commands/backup.ts"),
  "audit-adopt": () => import("./commands/audit-adopt.ts"),
