import type { SignedManifest } from "../core/backup/manifest.ts";
import type { BackupPlace, PlaceAddress } from "../core/backup/place.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { Random } from "../core/ports/random.ts";
import type { Secret } from "../core/secret.ts";
import type { checkListOperation } from "../operations/check.ts";
import type { HomeReader } from "../operations/client.ts";
import type { OutputOf } from "../operations/operation.ts";
import type { Envelope } from "../core/secrets/envelope.ts";
import type { View } from "../core/view.ts";
import type { Merged } from "../node/home/merged-home.ts";
import type { OpenedBackup } from "../node/backup/opened-backup.ts";
import type { PlaceSurroundings } from "../node/platform/backup/open-place.ts";
import type { Sealing } from "../node/platform/machine-key.ts";
import type { AgentSettings, Joined, NewHome, RunningAgent } from "../node/host.ts";

/*
 * The one door from the command line to the agent's code. Each room behind it is opened by whoever enters: what a
 * write needs of the platform takes a twentieth of the time that the agent with its network takes to load.
 */

/** What an operator signs with. */
export async function openPlatform(): Promise<{ readonly keys: Keys; readonly random: Random }> {
  const [{ createKeys }, { systemRandom }] = await Promise.all([
    import("../node/platform/keys.ts"),
    import("../node/platform/random.ts"),
  ]);
  return { keys: createKeys(), random: systemRandom() };
}

export async function createHome(options: NewHome): Promise<void> {
  await (await import("../node/host.ts")).createHome(options);
}

/** What every connection of the home's mesh begins with, and its tokens carry; null where there is no such key. */
export async function readPreSharedKey(home: string): Promise<Secret | null> {
  return (await import("../node/platform/pre-shared-key.ts")).readPreSharedKey(home);
}

export async function joinMesh(options: {
  readonly home: string;
  readonly token: string;
  readonly name: string | null;
}): Promise<Joined> {
  return (await import("../node/host.ts")).joinMesh(options);
}

export async function clearHome(home: string): Promise<void> {
  await (await import("../node/platform/home.ts")).clearHome(home);
}

/** Throws `Failed` where this machine cannot seal that way, and what {@link clearHome} throws. */
export async function sealHome(home: string, sealing: Sealing, device: string | undefined): Promise<void> {
  await (await import("../node/platform/home.ts")).sealHome(home, sealing, device);
}

export async function usualSealing(): Promise<Sealing> {
  return (await import("../node/platform/machine-key.ts")).usualSealing();
}

export async function startAgent(settings: AgentSettings): Promise<RunningAgent> {
  return (await import("../node/host.ts")).startAgent(settings);
}

export async function checkHome(home: string, nowMs: number): Promise<OutputOf<typeof checkListOperation>> {
  return (await import("../node/doctor/idle-checks.ts")).idleChecks(home, nowMs);
}

export async function openHome(home: string): Promise<HomeReader> {
  return (await import("../node/host.ts")).openHome(home);
}

export async function openPlace(address: PlaceAddress, surroundings: PlaceSurroundings): Promise<BackupPlace> {
  return (await import("../node/platform/backup/open-place.ts")).openPlace(address, surroundings);
}

export async function openBackup(keys: Keys, place: BackupPlace, signed: SignedManifest): Promise<OpenedBackup> {
  return (await import("../node/backup/opened-backup.ts")).openBackup(keys, place, signed);
}

export type { AgentSettings, OpenedBackup, Sealing };

/** What a home's file says, and a way to add to the home; null where no member lives. */
export async function openIdleHome(home: string, keys: Keys): Promise<IdleHome | null> {
  const [{ readHome }, { mergeIntoHome }] = await Promise.all([
    import("../node/platform/home.ts"),
    import("../node/home/merged-home.ts"),
  ]);
  const file = await readHome(home);
  if (file === null) return null;
  return {
    mesh: file.mesh,
    name: file.name,
    merge: (entries, reseal, nowMs) => mergeIntoHome({ home, file, keys, nowMs }, entries, reseal),
  };
}

export interface IdleHome {
  /** Hex. */
  readonly mesh: string;
  readonly name: string;
  merge(
    entries: readonly Uint8Array[],
    reseal: (view: View) => Promise<readonly Envelope[]>,
    nowMs: number,
  ): Promise<Merged>;
}
