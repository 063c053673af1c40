import type { OperatorContext } from "../../operator/requests.ts";
import type { CommandContext } from "../command.ts";

const EFFECT: Readonly<Record<string, string>> = {
  coordinator: "no machine can join",
  "secret-store": "no secret can be set or fetched anew",
};

/** Of these roles those that no other machine has. */
export function lastRoles(context: OperatorContext, name: string, roles: readonly string[]): string[] {
  return roles.filter((role) => {
    const holders = role === "coordinator" ? context.coordinators : role === "secret-store" ? context.stores : [];
    return holders.length === 1 && holders[0]?.name === name;
  });
}

export function warnOfLastRoles(
  ctx: CommandContext,
  context: OperatorContext,
  name: string,
  roles: readonly string[],
): void {
  for (const role of lastRoles(context, name, roles)) {
    ctx.warn(`${name} was the last ${role}: ${EFFECT[role]} until another machine has the label`);
  }
}
