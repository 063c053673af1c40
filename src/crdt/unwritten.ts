import type { DiskRecord } from "../core/ports/disk.ts";
import type { Growth } from "./admission.ts";

/** What was admitted and is on no disk yet, and what is to be told of it once it is. */
export class Unwritten {
  #records: DiskRecord[] = [];
  #growths: Growth[] = [];
  /** Of what is being written now. */
  #underWay: readonly Growth[] = [];

  add(records: readonly DiskRecord[]): void {
    this.#records.push(...records);
  }

  /** After the records of these entries. */
  addGrowth(growth: Growth): void {
    this.#growths.push(growth);
  }

  /** By the id of an entry. */
  has(id: string): boolean {
    return [this.#growths, this.#underWay].some((growths) =>
      growths.some(({ entries }) => entries.some((entry) => entry.id === id)),
    );
  }

  /** Has all of it written in one; what could not be written stays. Returns what is to be told. One at a time. */
  async writeAll(write: (records: readonly DiskRecord[]) => Promise<void>): Promise<readonly Growth[]> {
    const [records, growths] = [this.#records, this.#growths];
    if (records.length === 0) return [];
    this.#records = [];
    this.#growths = [];
    this.#underWay = growths;
    try {
      await write(records);
    } catch (error) {
      this.#records = [...records, ...this.#records];
      this.#growths = [...growths, ...this.#growths];
      throw error;
    } finally {
      this.#underWay = [];
    }
    return growths;
  }
}
