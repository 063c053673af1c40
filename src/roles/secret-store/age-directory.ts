import { ascii, fromCodes, toHex } from "../../core/bytes.ts";
import { LabError, SealBrokenError } from "../../core/errors.ts";
import { isSecretPath } from "../../core/names.ts";
import type { FileTree } from "../../core/ports/file-tree.ts";
import type { SealIdentity } from "../../core/ports/keys.ts";
import type { RoleContext } from "../../core/ports/role.ts";
import type { SecretBackend } from "../../core/ports/secret-backend.ts";
import type { Secret } from "../../core/secret.ts";
import { type Envelope, openEnvelope } from "../../core/secrets/envelope.ts";
import type { HeldVersion } from "../../core/secrets/messages.ts";
import { isVersionId } from "../../core/secrets/version.ts";
import { compareHeld } from "./dataset.ts";

/** A note for each file, without which a file is somebody else's. */
const NOTES = ".lab/secrets/";
const OWNER = ".lab/store.json";
const MAX_NOTE_BYTES = 4096;
/** Of a file that is not what was written there: no version has this name. */
const NO_VERSION = "0".repeat(64);

/** What was written to a path. */
interface Written {
  readonly version: string;
  /** Digest of the recipients that the file is sealed to; an age file does not tell. */
  readonly readers: string;
  /** Digest of the file. */
  readonly file: string;
}

export interface AgeDirectoryParts {
  readonly context: Pick<RoleContext, "keys" | "mesh" | "seal" | "self">;
  readonly tree: FileTree;
  /** Recipients of a path, the store itself among them, sorted. */
  readonly readers: (path: string) => readonly string[];
  /** Before a version is sealed to these. */
  readonly giving: (held: HeldVersion, readers: readonly string[]) => Promise<void>;
}

/**
 * Plain age files, `web/tls.age` for `web/tls`: whoever may read a secret opens its file with age and nothing else. One
 * version of each path is kept. The note beside a file is written before it and names what comes and what was there, so
 * whatever a crash leaves is known; files without a note are not touched.
 */
export class AgeDirectory implements SecretBackend {
  readonly name: string;
  readonly #parts: AgeDirectoryParts;
  /** By path; null where the file is ours and is not what was written there. */
  readonly #held = new Map<string, Written | null>();
  #life: "open" | "closed" = "open";

  constructor(parts: AgeDirectoryParts) {
    this.#parts = parts;
    this.name = `age:${parts.tree.path}`;
  }

  async load(): Promise<number> {
    const { tree } = this.#parts;
    const owner = await this.#owner();
    if (owner === "nobody") await tree.replace(OWNER, ascii(`${this.#ownNote}\n`));
    if (owner !== "another") return this.#read();
    // Each would take away the other's files.
    throw new LabError("AlreadyExists", `${tree.path} is kept by another secret store`, {
      hint: `choose another directory; or remove ${OWNER} there, if that store is gone`,
    });
  }

  has(held: HeldVersion): boolean {
    return this.#whole(held) !== null;
  }

  /** Also what is damaged: it lies there until it is dropped or kept anew. */
  list(path?: string): HeldVersion[] {
    const all = [...this.#held].filter(([held]) => path === undefined || held === path);
    return all.map(([path, written]) => ({ path, version: written?.version ?? NO_VERSION })).sort(compareHeld);
  }

  async put(envelope: Envelope, order: readonly string[]): Promise<void> {
    const { keys, mesh, seal } = this.#parts.context;
    const { path, version } = envelope;
    const before = this.#held.get(path);
    if (before && isPreferred(before.version, version, order)) return;
    const committed = await openEnvelope(keys, seal, mesh, envelope);
    if (committed === null) throw new LabError("Failed", `${path} is not sealed to this store`);
    try {
      await this.#write({ path, version }, committed.value);
    } finally {
      committed.value.wipe();
    }
  }

  async get(held: HeldVersion, key: SealIdentity): Promise<Secret | null> {
    const written = this.#whole(held);
    if (written === null) return null;
    const { keys } = this.#parts.context;
    const file = await this.#parts.tree.read(fileOf(held.path));
    // Whoever has the recipients of a secret can make an age file for them.
    if (file === null || toHex(keys.hash(file)) !== written.file) throw new SealBrokenError();
    return keys.open(key, file);
  }

  sealedOtherwise(): HeldVersion[] {
    return this.list().filter((held) => {
      const written = this.#whole(held);
      return written !== null && written.readers !== this.#digest(this.#parts.readers(held.path));
    });
  }

  async reseal(held: HeldVersion): Promise<void> {
    if (this.#whole(held) === null) return;
    let value: Secret | null = null;
    try {
      value = await this.get(held, this.#parts.context.seal);
      if (value !== null) return await this.#write(held, value);
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
    } finally {
      value?.wipe();
    }
    this.#held.set(held.path, null);
  }

  async drop({ path, version }: HeldVersion): Promise<void> {
    const written = this.#held.get(path);
    if (written === undefined || (written?.version ?? NO_VERSION) !== version) return;
    const { tree } = this.#parts;
    // The note last: it says whose the file is.
    await tree.remove(fileOf(path));
    await tree.remove(noteOf(path));
    this.#held.delete(path);
  }

  /** Loaded or not. What another store keeps there stays. */
  async forget(): Promise<void> {
    this.#life = "closed";
    if ((await this.#owner()) !== "self") return;
    await this.#read();
    for (const held of this.list()) await this.drop(held);
    await this.#parts.tree.remove(OWNER);
  }

  get #ownNote(): string {
    const { mesh, self } = this.#parts.context;
    return JSON.stringify({ v: 1, mesh: toHex(mesh), store: self.id });
  }

  async #owner(): Promise<"self" | "another" | "nobody"> {
    const found = await this.#parts.tree.read(OWNER);
    if (found === null) return "nobody";
    return fromCodes([...found]).trim() === this.#ownNote ? "self" : "another";
  }

  /** How many of the files are not what was written there. */
  async #read(): Promise<number> {
    const { context, tree } = this.#parts;
    let damaged = 0;
    this.#held.clear();
    for (const name of await tree.list(NOTES)) {
      const path = name.slice(NOTES.length).replace(/\.json$/, "");
      if (!isSecretPath(path) || noteOf(path) !== name) continue;
      const { before, written } = readNote(path, await tree.read(name));
      const file = await tree.read(fileOf(path));
      const digest = file === null ? null : toHex(context.keys.hash(file));
      const found = written.find((one) => one.file === digest) ?? null;
      this.#held.set(path, found);
      if (found === null && (file !== null || before !== "nothing")) damaged++;
    }
    return damaged;
  }

  async #write({ path, version }: HeldVersion, value: Secret): Promise<void> {
    const { context, tree } = this.#parts;
    if (this.#life === "closed") throw new LabError("Failed", "this secret store has ended");
    const isFirst = !this.#held.has(path);
    if (isFirst && (await tree.read(fileOf(path))) !== null) {
      throw new LabError("AlreadyExists", `${fileOf(path)} in ${tree.path} is not of this store, and is left alone`, {
        hint: "move it away",
      });
    }
    const readers = this.#parts.readers(path);
    await this.#parts.giving({ path, version }, readers);
    const sealed = await context.keys.seal(readers, value);
    const next = { version, readers: this.#digest(readers), file: toHex(context.keys.hash(sealed)) };
    const before = this.#held.get(path) ?? null;
    const written = before === null ? [next] : [next, before];
    const note = { v: 1, path, written, ...(isFirst ? { before: "nothing" } : {}) };
    await tree.replace(noteOf(path), ascii(`${JSON.stringify(note)}\n`));
    if (before === null) this.#held.set(path, null);
    await tree.replace(fileOf(path), sealed);
    this.#held.set(path, next);
  }

  #whole({ path, version }: HeldVersion): Written | null {
    const written = this.#held.get(path);
    return written?.version === version ? written : null;
  }

  #digest(readers: readonly string[]): string {
    return toHex(this.#parts.context.keys.hash(ascii(readers.join())));
  }
}

function fileOf(path: string): string {
  return `${path}.age`;
}

function noteOf(path: string): string {
  return `${NOTES}${path}.json`;
}

/** Whether the version that is there is to stay, and not this one. */
function isPreferred(there: string, version: string, order: readonly string[]): boolean {
  const [a, b] = [order.indexOf(there), order.indexOf(version)];
  return there === version || (a >= 0 && (b < 0 || a < b));
}

interface Note {
  /** `nothing`: when it was written there was no file. */
  readonly before: "a file" | "nothing";
  readonly written: readonly Written[];
}

const NO_NOTE: Note = { before: "a file", written: [] };

/** Nothing for a note that says nothing. */
function readNote(path: string, bytes: Uint8Array | null): Note {
  if (bytes === null || bytes.length > MAX_NOTE_BYTES) return NO_NOTE;
  try {
    const note = JSON.parse(fromCodes([...bytes])) as { readonly [key: string]: unknown } | null;
    if (note?.["v"] !== 1 || note["path"] !== path || !Array.isArray(note["written"])) return NO_NOTE;
    return { before: note["before"] === "nothing" ? "nothing" : "a file", written: note["written"].filter(isWritten) };
  } catch (error) {
    if (error instanceof SyntaxError) return NO_NOTE;
    throw error;
  }
}

function isWritten(value: unknown): value is Written {
  if (typeof value !== "object" || value === null) return false;
  const { version, readers, file } = value as Partial<Record<keyof Written, unknown>>;
  return isVersionId(version) && typeof readers === "string" && typeof file === "string";
}
