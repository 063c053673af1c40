import type { Complaint } from "../../../core/alarms/findings.ts";

/**
 * What was found when a store was opened:
 * - `sound`: everything that it had acknowledged
 * - `mended`: its owner may open it again, which the permissions had forbidden; nothing is missing
 * - `healed`: it was damaged; what was readable was kept, and what a snapshot still had
 * - `damaged`: only read, and left as it is; what is shown is what was readable, and what a snapshot still had
 * - `stand-in`: it cannot be opened for writing now; reads are answered from a copy in memory, and writes fail
 */
export type StoreHealth =
  | { readonly state: "sound" }
  | { readonly state: "mended" }
  | {
      readonly state: "healed";
      /** When, by this machine's clock. */
      readonly atMs: number;
      /** What was wrong. */
      readonly reason: string;
      /** Where the damaged files lie; null when there was nothing left to keep. */
      readonly quarantine: string | null;
      /** Records that were readable in the damaged store. */
      readonly salvaged: number;
      /** Records that only a snapshot still had. */
      readonly restored: number;
    }
  | {
      readonly state: "damaged";
      readonly reason: string;
      readonly salvaged: number;
      readonly restored: number;
    }
  | { readonly state: "stand-in"; readonly reason: string };

/** What others have to know of it; null when nothing is lost and nothing fails. */
export function complaintOf(health: StoreHealth): Complaint | null {
  if (health.state === "sound" || health.state === "mended") return null;
  const kind = health.state === "healed" ? "store-damaged" : "store-unwritable";
  return { kind, subject: "", detail: describeHealth(health) ?? "" };
}

/** For `lab status`; null when there is nothing to say. */
export function describeHealth(health: StoreHealth): string | null {
  switch (health.state) {
    case "sound":
      return null;
    case "mended":
      return "the permissions of the store were wrong and are mended";
    case "healed": {
      const aside = health.quarantine === null ? "" : `; the damaged files are in ${health.quarantine}`;
      return `the store was damaged (${health.reason}): ${health.salvaged} records kept${fromSnapshot(health)}${aside}`;
    }
    case "damaged":
      return `the store is damaged (${health.reason}): ${health.salvaged} records are readable${fromSnapshot(health)}; the agent mends it when it starts: lab agent --detach`;
    case "stand-in":
      return `nothing can be written, reads are answered from memory: ${health.reason}`;
  }
}

function fromSnapshot({ restored }: { readonly restored: number }): string {
  return restored > 0 ? `, ${restored} came from a snapshot` : "";
}
