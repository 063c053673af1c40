import { createBackup } from "../../core/backup/create.ts";
import { summaryOf } from "../../core/backup/manifest.ts";
import type { BackupPlace, PlaceAddress } from "../../core/backup/place.ts";
import { ascii, toHex } from "../../core/bytes.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import { secretVersionPath } from "../../core/paths.ts";
import type { Backup } from "../../operations/kinds/backup.ts";
import type { Agent } from "../agent.ts";
import type { BackupDuty } from "./backup-keeper.ts";
import { listBackups, makeBackup, noteBackup } from "../handlers/backup.ts";
import { agentSource } from "../handlers/index.ts";
import { readPreSharedKey } from "../platform/pre-shared-key.ts";

/** What the owner of a machine wants its agent to do about backups. */
export interface BackupWish {
  readonly address: PlaceAddress;
  readonly everyMs: number;
  /** How many stay there; all of them if undefined. */
  readonly keep: number | undefined;
}

/** What there is to do for one place. `place` opens it anew for every backup. */
export function backupDuty(
  agent: Agent,
  home: string,
  { address, everyMs, keep }: BackupWish,
  place: { readonly name: string; open(): Promise<BackupPlace> },
): BackupDuty {
  const { clock, log, keys } = agent.platform;
  const source = agentSource(agent);
  const newest = async (): Promise<Backup | undefined> => {
    const { items } = (await listBackups(source)) as { readonly items: readonly Backup[] };
    const found = items.find((item) => item.place === place.name);
    // A directory of this name on another machine is another one.
    const isHere = address.kind !== "dir" || found?.by === agent.view().nodes.get(agent.node)?.name;
    return isHere ? found : undefined;
  };
  return {
    clock,
    log,
    place: place.name,
    everyMs,
    newestMs: async () => {
      const found = await newest();
      return found === undefined ? null : Date.parse(found.madeAt);
    },
    turn: () => placeInLine(agent, place.name),
    make: async () => {
      const [opened, known] = [await place.open(), await newest()];
      try {
        const { signed } = await createBackup({
          keys,
          place: opened,
          known,
          keep,
          make: async (request) => makeBackup(agent, request, await readPreSharedKey(home)),
          warn: (message) => log.write("error", "backup.warning", { message }),
        });
        const summary = summaryOf(signed);
        await noteBackup(agent, { place: place.name, ...summary });
        const set = agent.view().desiredUnder(secretVersionPath("")).length;
        if (summary.secrets >= set) return null;
        return `only ${summary.secrets} of ${set} secrets are in the backups to ${place.name}: this machine is no secret-store, or lacks them`;
      } finally {
        await opened.close();
      }
    },
  };
}

/** Secret stores come first, each place in an order of its own: who makes one alone makes a whole one. */
function placeInLine(agent: Agent, place: string): number {
  const { keys } = agent.platform;
  const weight = (key: string) => toHex(keys.hash(ascii(`${place} ${key}`)));
  const line = agent
    .view()
    .holders(SECRET_STORE)
    .map(({ key }) => key)
    .sort((a, b) => (weight(a) < weight(b) ? -1 : 1));
  const found = line.indexOf(agent.self.key);
  return found === -1 ? line.length : found;
}
