import { MalformedError } from "../../core/encoding.ts";
import { LabError, SealBrokenError } from "../../core/errors.ts";
import type { SealIdentity } from "../../core/ports/keys.ts";
import type { RoleContext } from "../../core/ports/role.ts";
import type { SecretBackend } from "../../core/ports/secret-backend.ts";
import type { Secret } from "../../core/secret.ts";
import { type Envelope, openEnvelope, rewrap } from "../../core/secrets/envelope.ts";
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

type DatasetContext = Pick<RoleContext, "clock" | "disk" | "keys" | "log" | "mesh" | "random" | "seal">;

/**
 * The envelopes of a store on its disk, with an index of what is there. No envelope stays in memory. Besides what every
 * backend does it gives envelopes as they are, which is how stores fill each other.
 */
export class Dataset implements SecretBackend {
  readonly name = "the mesh's dataset";
  readonly #context: DatasetContext;
  /** Whom every version that stores can open is sealed to. */
  readonly #readers: () => readonly string[];
  /** By path, oldest first. */
  readonly #held = new Map<string, readonly Held[]>();
  #life: "open" | "closed" = "open";

  constructor(context: DatasetContext, readers: () => readonly string[]) {
    this.#context = context;
    this.#readers = readers;
  }

  async load(): Promise<number> {
    const damaged: string[] = [];
    for (const record of await this.#context.disk.scan(ENVELOPES)) {
      try {
        const { storedMs, envelope } = readEnvelopeAt(record);
        this.#note(envelope, storedMs);
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        damaged.push(record.key);
      }
    }
    if (damaged.length > 0) await this.#context.disk.remove(damaged, false);
    return damaged.length;
  }

  has({ path, version }: HeldVersion): boolean {
    return this.#find(path, version) !== undefined;
  }

  list(path?: string): HeldVersion[] {
    const held = path === undefined ? [...this.#held.values()] : [this.#held.get(path) ?? []];
    return held
      .flat()
      .map(({ path, version }) => ({ path, version }))
      .sort(compareHeld);
  }

  sealedOtherwise(): HeldVersion[] {
    const wanted = this.#readers().join();
    const all = [...this.#held.values()].flat();
    return all.filter((held) => held.class === STORE_CLASS && held.recipients.join() !== wanted);
  }

  async read({ path, version }: HeldVersion): Promise<Envelope | undefined> {
    const bytes = await this.#context.disk.read(envelopeKey({ path, version }));
    if (bytes === undefined) return undefined;
    try {
      const { envelope } = readEnvelopeRecord(bytes);
      return envelope.path === path && envelope.version === version ? envelope : undefined;
    } catch (error) {
      if (error instanceof MalformedError) return undefined;
      throw error;
    }
  }

  /** For another store: sealed to it, if this one can. */
  async readFor(wanted: HeldVersion, recipient: string): Promise<Envelope | undefined> {
    const envelope = await this.read(wanted);
    const isSealedToIt = envelope?.class !== STORE_CLASS || envelope.recipients.includes(recipient);
    return isSealedToIt ? envelope : this.#sealAnew(envelope);
  }

  async get(held: HeldVersion, key: SealIdentity): Promise<Secret | null> {
    const envelope = await this.read(held);
    // The others are bound to what their writer signed, which is not here: who may read them gets the envelope.
    if (envelope?.class !== STORE_CLASS) return null;
    const committed = await openEnvelope(this.#context.keys, key, this.#context.mesh, envelope);
    return committed?.value ?? null;
  }

  async put(envelope: Envelope, order: readonly string[]): Promise<void> {
    await this.#write(envelope, this.#context.clock.now(), true);
    const held = this.#held.get(envelope.path) ?? [];
    if (held.length <= KEPT_VERSIONS) return;
    const rank = ({ version }: Held) => (order.includes(version) ? order.indexOf(version) : order.length);
    const byRank = [...held].sort((a, b) => rank(a) - rank(b) || b.storedMs - a.storedMs);
    for (const surplus of byRank.slice(KEPT_VERSIONS)) await this.drop(surplus);
  }

  async reseal(held: HeldVersion): Promise<void> {
    const envelope = await this.read(held);
    if (envelope !== undefined) await this.#sealAnew(envelope);
  }

  async drop({ path, version }: HeldVersion): Promise<void> {
    const rest = (this.#held.get(path) ?? []).filter((held) => held.version !== version);
    if (rest.length > 0) this.#held.set(path, rest);
    else this.#held.delete(path);
    await this.#context.disk.remove([envelopeKey({ path, version })], false);
  }

  /** What is still under way writes nothing any more, and fails. */
  close(): void {
    this.#life = "closed";
  }

  async forget(): Promise<void> {
    this.close();
    this.#held.clear();
    const records = await this.#context.disk.scan(ENVELOPES);
    await this.#context.disk.remove(
      records.map(({ key }) => key),
      true,
    );
  }

  async #sealAnew(envelope: Envelope): Promise<Envelope | undefined> {
    const { log, mesh, seal } = this.#context;
    const { path, version } = envelope;
    try {
      const sealed = await rewrap(this.#context, seal, mesh, envelope, this.#readers());
      const held = this.#find(path, version);
      if (sealed !== null && held !== undefined) await this.#write(sealed, held.storedMs, false);
      return sealed ?? undefined;
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      log.write("error", "secret-store.damaged-value", { path, version, reason: error.message });
      await this.drop(envelope);
      return undefined;
    }
  }

  async #write(envelope: Envelope, storedMs: number, sync: boolean): Promise<void> {
    if (this.#life === "closed") throw new LabError("Failed", "this secret store has ended");
    await this.#context.disk.append([envelopeRecord({ storedMs, envelope })], sync);
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
