import { LabError } from "../core/errors.ts";
import { secretOperatorsPath } from "../core/paths.ts";
import { MOST_READERS } from "../core/policy/operator-readers.ts";
import { operatorTargets } from "./removal.ts";
import type { Session } from "./session.ts";
import type { Write } from "./write.ts";

/**
 * Says who may read a secret besides its machines: all live keys of these operators, and nobody else. The whole list is
 * the operator's own words: what an agent says stands there would be signed unseen. Throws `NotAuthorised`, `NotFound`.
 */
export function allowOperators(session: Session, path: string, names: readonly string[]): Write {
  const { context, known, operator } = session;
  const writer = session.logWith("ops");
  const log = context.logs.find((one) => one.log === writer);
  if (log?.rights.includes("admin") !== true) {
    throw new LabError("NotAuthorised", `the key of ${operator} has no right "admin", and this takes it`, {
      hint: "lab get operators",
    });
  }
  const keys = [...new Set(names.flatMap((name) => operatorTargets(known, name, null).map(({ key }) => key)))].sort();
  if (keys.length > MOST_READERS) {
    throw new LabError("Invalid", `these operators have ${keys.length} keys, and a secret has at most ${MOST_READERS}`);
  }
  return { path: secretOperatorsPath(path), value: keys.length === 0 ? undefined : { keys } };
}
