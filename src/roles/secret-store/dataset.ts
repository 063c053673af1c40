import { MalformedError } from "../../core/encoding.ts";
import { LabError } from "../../core/errors.ts";
import type { Disk } from "../../core/ports/disk.ts";
import type { Envelope } from "../../core/secrets/envelope.ts";
import type { HeldVersion } from "../../core/secrets/messages.ts";
import {
  ENVELOPES,
  envelopeKey,
  envelopeRecord,
  readEnvelopeAt,
  readEnvelopeRecord,
} from "../../core/secrets/stored-envelope.ts";
import { KEPT_VERSIONS, STORE_CLASS } from "../../core/secrets/version.ts";

interface Held extends HeldVersion {
  readonly class: string;
  readonly storedMs: number;
  readonly recipients: readonly string[];
}

/** The envelopes of a store on its disk, with an index of what is there. No envelope stays in memory. */
export class Dataset {
  readonly #disk: Disk;
  /** By path, oldest first. */
  readonly #held = new Map<string, readonly Held[]>();
  #life: "open" | "closed" = "open";

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Reads the index from the disk; returns how many records were damaged, which are as if they had never been. */
  async load(): Promise<number> {
    const damaged: string[] = [];
    for (const record of await this.#disk.scan(ENVELOPES)) {
      try {
        const { storedMs, envelope } = readEnvelopeAt(record);
        this.#note(envelope, storedMs);
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        damaged.push(record.key);
      }
    }
    if (damaged.length > 0) await this.#disk.remove(damaged, false);
    return damaged.length;
  }

  has({ path, version }: HeldVersion): boolean {
    return this.#find(path, version) !== undefined;
  }

  /** All versions, or those of one path, ascending by path and version. */
  list(path?: string): HeldVersion[] {
    const held = path === undefined ? [...this.#held.values()] : [this.#held.get(path) ?? []];
    return held
      .flat()
      .map(({ path, version }) => ({ path, version }))
      .sort(compareHeld);
  }

  /** What stores can open and is not wrapped to exactly these recipients. */
  wrappedOtherwise(recipients: readonly string[]): HeldVersion[] {
    const wanted = recipients.join();
    const all = [...this.#held.values()].flat();
    return all.filter((held) => held.class === STORE_CLASS && held.recipients.join() !== wanted);
  }

  async read({ path, version }: HeldVersion): Promise<Envelope | undefined> {
    const bytes = await this.#disk.read(envelopeKey({ path, version }));
    if (bytes === undefined) return undefined;
    try {
      const { envelope } = readEnvelopeRecord(bytes);
      return envelope.path === path && envelope.version === version ? envelope : undefined;
    } catch (error) {
      if (error instanceof MalformedError) return undefined;
      throw error;
    }
  }

  /**
   * Durable when it resolves. Of more versions than are kept those go that stand last in `order`, and before them those
   * that do not stand there.
   */
  async add(envelope: Envelope, storedMs: number, order: readonly string[]): Promise<void> {
    await this.#write(envelope, storedMs, true);
    const held = this.#held.get(envelope.path) ?? [];
    if (held.length <= KEPT_VERSIONS) return;
    const rank = ({ version }: Held) => (order.includes(version) ? order.indexOf(version) : order.length);
    const byRank = [...held].sort((a, b) => rank(a) - rank(b) || b.storedMs - a.storedMs);
    for (const surplus of byRank.slice(KEPT_VERSIONS)) await this.drop(surplus);
  }

  /** The same version for other recipients. */
  async replace(envelope: Envelope): Promise<void> {
    const held = this.#find(envelope.path, envelope.version);
    if (held !== undefined) await this.#write(envelope, held.storedMs, false);
  }

  async drop({ path, version }: HeldVersion): Promise<void> {
    const rest = (this.#held.get(path) ?? []).filter((held) => held.version !== version);
    if (rest.length > 0) this.#held.set(path, rest);
    else this.#held.delete(path);
    await this.#disk.remove([envelopeKey({ path, version })], false);
  }

  /** What is still under way writes nothing any more, and fails. */
  close(): void {
    this.#life = "closed";
  }

  /** Removes everything. */
  async forget(): Promise<void> {
    this.close();
    this.#held.clear();
    const records = await this.#disk.scan(ENVELOPES);
    await this.#disk.remove(
      records.map(({ key }) => key),
      true,
    );
  }

  async #write(envelope: Envelope, storedMs: number, sync: boolean): Promise<void> {
    if (this.#life === "closed") throw new LabError("Failed", "this secret store has ended");
    await this.#disk.append([envelopeRecord({ storedMs, envelope })], sync);
    this.#note(envelope, storedMs);
  }

  #note({ path, version, class: kind, recipients }: Envelope, storedMs: number): void {
    const others = (this.#held.get(path) ?? []).filter((held) => held.version !== version);
    const all = [...others, { path, version, class: kind, storedMs, recipients }];
    this.#held.set(
      path,
      all.sort((a, b) => a.storedMs - b.storedMs || compareHeld(a, b)),
    );
  }

  #find(path: string, version: string): Held | undefined {
    return this.#held.get(path)?.find((held) => held.version === version);
  }
}

export function compareHeld(a: HeldVersion, b: HeldVersion): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  if (a.version !== b.version) return a.version < b.version ? -1 : 1;
  return 0;
}
