import { LabError } from "../core/errors.ts";

/** The first machine of the demo's mesh: it begins it, and enrols the others. */
export const FOUNDER = "beelink-ser9-pro";

/** A second one that keeps secrets, and where the second operator works. */
export const SECOND = "mac-studio";

/** What `up` sets. A machine that keeps no secrets for others reads it, so that its own copy is what counts. */
export const SECRET = {
  path: "k8s/join-token",
  reader: "beelink-ser9-max",
  value: "K10-of-the-demo::server:not-a-real-one\n",
};

/** In the order in which a smaller demo has them. */
const MACHINES = [FOUNDER, SECOND, SECRET.reader, "dgx-spark", "minisforum-ms-r1"];

export const DEFAULT_MACHINES = MACHINES.length;
const MOST_MACHINES = 20;

/** Names of the demo's machines. Throws `Usage`. */
export function chooseMachines(wish: string | undefined): readonly string[] {
  const count = wish === undefined ? DEFAULT_MACHINES : Number(wish);
  if (!Number.isInteger(count) || count < 3 || count > MOST_MACHINES) {
    throw new LabError("Usage", `--nodes cannot be "${wish}"`, {
      field: "nodes",
      hint: `a whole number from 3 to ${MOST_MACHINES}`,
    });
  }
  return Array.from({ length: count }, (_, i) => MACHINES[i] ?? `spare-${i - MACHINES.length + 1}`);
}
