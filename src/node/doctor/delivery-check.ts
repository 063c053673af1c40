import type { Check } from "../../operations/kinds/check.ts";
import type { DeliveryReport } from "../delivery/running-delivery.ts";

const SHOWN = 3;

/** Whether this machine's programs find their secrets, and nobody else does. */
export function deliveryCheck({ directory, ground, placed, problems }: DeliveryReport): Check {
  const name = "secrets in place";
  const where = `${placed} in ${directory}`;
  if (problems.length > 0) {
    const told = problems.slice(0, SHOWN).map((problem) => `${problem.name}: ${problem.reason}`);
    const more = problems.length > SHOWN ? [`and ${problems.length - SHOWN} more`] : [];
    const detail = [where, ...told, ...more].join("; ");
    return {
      name,
      state: "failed",
      detail,
      fix: "lab secret cache says what is cached; the agent tries again by itself",
    };
  }
  switch (ground) {
    case "never-swapped":
      return { name, state: "ok", detail: `${where}, in memory that is never written to a disk`, fix: "" };
    case "memory":
      return {
        name,
        state: "warning",
        detail: `${where}, in memory that the kernel may write to its swap`,
        fix: "run the agent as root, which mounts memory that is not; or encrypt the swap, or have none",
      };
    case "disk":
      return {
        name,
        state: "warning",
        detail: `${where}, on a disk: what is deleted there can be found again`,
        fix: "a directory of a tmpfs: lab agent --secrets-dir DIR",
      };
  }
}
