import { decode, encode } from "../../core/encoding.ts";
import type { Disk } from "../../core/ports/disk.ts";

/** How long a checkpoint has lain here, and when that was last counted; milliseconds. */
interface Age {
  readonly heldMs: number;
  readonly atMs: number;
}

const VERSION = 1;
const PREFIX = "p/";

/**
 * For how long this machine has had checkpoints, by its own clock and while it was there to look: what others say, or a
 * clock that jumps, makes none of them old. A record that is lost or damaged begins anew.
 */
export class PinAges {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Counts the time since it was called last, at most `mostMs` of it. Those that are held now; others are forgotten. */
  async look(ids: readonly string[], nowMs: number, mostMs: number): Promise<ReadonlyMap<string, number>> {
    const known = new Map<string, Age | null>();
    for (const { key, value } of await this.#disk.scan(PREFIX)) known.set(key.slice(PREFIX.length), readAge(value));
    const held = new Map<string, Age>();
    for (const id of ids) {
      const { heldMs, atMs } = known.get(id) ?? { heldMs: 0, atMs: nowMs };
      held.set(id, { heldMs: heldMs + Math.min(Math.max(0, nowMs - atMs), mostMs), atMs: nowMs });
    }
    const gone = [...known.keys()].filter((id) => !held.has(id)).map((id) => PREFIX + id);
    const records = [...held].map(([id, { heldMs, atMs }]) => {
      return { key: PREFIX + id, value: encode([VERSION, heldMs, atMs]) };
    });
    if (records.length > 0) await this.#disk.append(records, false);
    if (gone.length > 0) await this.#disk.remove(gone, false);
    return new Map([...held].map(([id, { heldMs }]) => [id, heldMs]));
  }
}

function readAge(value: Uint8Array): Age | null {
  try {
    const [version, heldMs, atMs] = decode(value) as unknown as number[];
    const isAge = version === VERSION && Number.isSafeInteger(heldMs) && Number.isSafeInteger(atMs);
    return isAge ? { heldMs: heldMs as number, atMs: atMs as number } : null;
  } catch {
    return null;
  }
}
