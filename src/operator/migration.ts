import { LabError } from "../core/errors.ts";
import type { OperatorContext } from "./requests.ts";

export const COORDINATOR = "coordinator";

type Coordinator = OperatorContext["coordinators"][number];

export interface Migration {
  readonly target: string;
  /** - `grant`: the target gets the label · `has`: it has it */
  readonly step: "grant" | "has";
  /** Who loses it. */
  readonly from: readonly Coordinator[];
}

/** - `no`: an old coordinator has to answer · or the reason why it need not */
export type Force = "no" | { readonly reason: string };

/**
 * What moving the coordinator means. A coordinator that does not answer may hold redemptions that nobody else has
 * seen, and they are void once it loses the label; that is why it has to be said. Throws `ConfirmationNeeded`.
 */
export function planMigration({ coordinators }: OperatorContext, target: string, force: Force): Migration {
  const from = coordinators.filter(({ name }) => name !== target);
  const silent = from.filter(({ online }) => online !== "yes").map(({ name }) => name);
  if (silent.length > 0 && force === "no") {
    throw new LabError("ConfirmationNeeded", `${silent.join(", ")} does not answer`, {
      notes: ["machines that joined through it and that nobody else has heard of yet would have to join again"],
      hint: `lab coordinator migrate --target ${target} --force --reason "…"`,
    });
  }
  return { target, step: from.length === coordinators.length ? "grant" : "has", from };
}

/** The plan in the words of people, a line each. */
export function describeMigration({ target, step, from }: Migration, force: Force): string[] {
  const names = from.map(({ name }) => name);
  const where = names.length === 0 ? `coordinator to ${target}` : `coordinator from ${names.join(", ")} to ${target}`;
  return [
    `~ move ${where}`,
    ...(step === "grant" ? [`+ label ${COORDINATOR} on ${target}`] : []),
    `+ new tokens are made and redeemed by ${target}`,
    ...names.map((name) => `- label ${COORDINATOR} on ${name}, and the tokens of it that nobody has used`),
    ...(force === "no" ? [] : [`! forced: ${force.reason}`]),
  ];
}
