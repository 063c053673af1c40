import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";

/** As many digits as any count has: it is replaced in place, by one write within one sector. */
const DIGITS = 16;

/**
 * How many synced batches a store has acknowledged, in a file beside it. Not synced itself: after a power cut it may
 * lag, so it can miss a loss, but never invent one.
 */
export class Tally {
  readonly #file: FileHandle;
  #count: number;

  private constructor(file: FileHandle, count: number) {
    this.#file = file;
    this.#count = count;
  }

  /** Null where there is none: no store was ever begun. */
  static async open(directory: string): Promise<Tally | null> {
    let file: FileHandle;
    try {
      file = await open(tallyPath(directory), "r+");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
    const text = (await file.readFile("ascii")).trim();
    return new Tally(file, /^\d{1,16}$/.test(text) ? Number(text) : 0);
  }

  static async create(directory: string, count: number): Promise<Tally> {
    const tally = new Tally(await open(tallyPath(directory), "w+", 0o600), count);
    await tally.note(count);
    await tally.#file.sync();
    // The names of tally and store are in their parent, which LevelDB does not sync.
    const parent = await open(dirname(directory), "r");
    try {
      await parent.sync();
    } finally {
      await parent.close();
    }
    return tally;
  }

  get count(): number {
    return this.#count;
  }

  async note(count: number): Promise<void> {
    this.#count = count;
    await this.#file.write(`${String(count).padStart(DIGITS, "0")}\n`, 0, "ascii");
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

export function tallyPath(directory: string): string {
  return `${directory}.tally`;
}
