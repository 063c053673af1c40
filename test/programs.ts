import { spawnSync } from "node:child_process";

/** Whether this machine has the program, whatever it does when it is run. */
export function has(program: string): boolean {
  return spawnSync("which", [program], { stdio: "ignore" }).status === 0;
}

/** For the name of a test that is left out here, and why; empty where all of the programs are. */
export function without(...programs: string[]): string {
  const missing = programs.filter((program) => !has(program));
  return missing.length === 0 ? "" : ` (skipped: ${missing.join(", ")} not installed)`;
}
