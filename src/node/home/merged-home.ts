import { fromHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { Envelope } from "../../core/secrets/envelope.ts";
import { ENVELOPES, envelopeRecord } from "../../core/secrets/stored-envelope.ts";
import type { View } from "../../core/view.ts";
import { Replica } from "../../crdt/replica.ts";
import { mayBeginBefore } from "../../crdt/retention.ts";
import { ENTRIES } from "../agent.ts";
import { loadStore } from "./home-store.ts";
import { systemClock } from "../platform/clock.ts";
import type { HomeFile } from "../platform/home.ts";
import { describeHealth } from "../platform/store/health.ts";
import { scopedDisk } from "../scoped-disk.ts";

export interface Merged {
  /** Entries that this home did not have. */
  readonly admitted: number;
  readonly envelopes: number;
  /** What was found when its store was opened; null when that was sound. */
  readonly found: string | null;
}

/**
 * Adds the entries of a backup to a home whose agent does not run. Entries are a set: what is newer here stays, and the
 * agent asks its peers for the ends of its own logs before it continues them. Throws `HomeInUse`, `EntryRefused`.
 */
export async function mergeIntoHome(
  {
    home,
    file,
    keys,
    nowMs,
  }: { readonly home: string; readonly file: HomeFile; readonly keys: Keys; readonly nowMs: number },
  entries: readonly Uint8Array[],
  reseal: (view: View) => Promise<readonly Envelope[]>,
): Promise<Merged> {
  const mesh = fromHex(file.mesh) as Uint8Array;
  const platform = { clock: systemClock(), log: { write: () => {} } };
  // What was lost has to be found before anything is added to it: what is written later counts only what is there.
  const { loaded, disk, health } = await loadStore(home, platform, (opened) => {
    const replica = new Replica(keys, mesh, scopedDisk(opened, ENTRIES), () => mayBeginBefore(nowMs));
    return { replica, load: () => replica.load() };
  });
  try {
    const { replica } = loaded;
    const answers = await replica.admit(entries, "local");
    const refused = answers.find(({ state }) => state === "refused");
    if (refused !== undefined) throw new LabError("EntryRefused", `an entry was refused: ${refused.reason}`);
    const isStore = replica.view().nodes.get(file.node)?.roles.has(SECRET_STORE) === true;
    const store = scopedDisk(disk, `role/${SECRET_STORE}/`);
    const here = new Set((await store.scan(ENVELOPES)).map(({ key }) => key));
    const records = (isStore ? await reseal(replica.view()) : [])
      .map((envelope) => envelopeRecord({ storedMs: nowMs, envelope }))
      .filter(({ key }) => !here.has(key));
    if (records.length > 0) await store.append(records, true);
    const admitted = answers.filter(({ state }) => state === "admitted").length;
    return { admitted, envelopes: records.length, found: describeHealth(health()) };
  } finally {
    await disk.close();
  }
}
