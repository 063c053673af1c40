import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { LabError } from "../../core/errors.ts";
import { type Generation, type PlacedFile, readGeneration, writeGeneration } from "../../core/delivery/generation.ts";
import { DeliveryFailedError, type SecretDirectory } from "../../core/ports/secret-directory.ts";
import type { Secret } from "../../core/secret.ts";
import { grantReaders } from "./access-lists.ts";

/**
 * The file system as this directory needs it; tests give one that fails, or that ends the process, at any call.
 */
export type FileCalls = Pick<
  typeof fs,
  "chmod" | "chown" | "link" | "mkdir" | "open" | "readFile" | "readdir" | "readlink" | "rename" | "rm" | "symlink"
>;

/** Names that no secret can have, as a secret's path has no dot. */
const VISIBLE = "..data";
const GENERATION = "..gen-";
const NOTE = "..files.json";
const SETTLED = "..settled";
/** Others may pass through and may not look around. */
const DIRECTORY_MODE = 0o711;

/**
 * One directory, in the way in which Kubernetes fills a volume:
 *
 *     ..gen-7/mail/tls-cert    the files of one generation
 *     ..data -> ..gen-7        what is visible; renamed over as the one step that changes everything
 *     mail -> ..data/mail      never changes while there is anything below it
 *
 * The directory itself stays the same one, so a container that has it mounted sees every change.
 */
export function systemSecretDirectory(root: string, files: FileCalls = fs): SecretDirectory {
  return new SystemSecretDirectory(root, files);
}

class SystemSecretDirectory implements SecretDirectory {
  readonly #root: string;
  readonly #files: FileCalls;

  constructor(root: string, files: FileCalls) {
    this.#root = root;
    this.#files = files;
  }

  async current(): Promise<Generation | null> {
    const name = await this.#visible();
    if (name === null) return null;
    const text = await orNull(this.#files.readFile(this.#path(name, NOTE), "utf8"));
    const generation = text === null ? null : readGeneration(text);
    const settled = await orNull(this.#files.readFile(this.#path(SETTLED), "utf8"));
    return generation !== null && settled === name ? { ...generation, owed: [] } : generation;
  }

  async replace(
    next: Generation,
    kept: ReadonlySet<string>,
    content: (name: string) => Promise<Secret>,
  ): Promise<void> {
    const before = await this.#visible();
    const name = GENERATION + (Number(before?.slice(GENERATION.length) ?? 0) + 1);
    try {
      await this.#clear(before);
      await this.#makeDirectory(name);
      await this.#fill(name, next, kept, before, content);
      await this.#writeFile(this.#path(name, NOTE), Buffer.from(writeGeneration(next)), 0o600);
      await this.#linkTops(next);
      await this.#files.symlink(name, this.#path(`${VISIBLE}.new`));
      await this.#files.rename(this.#path(`${VISIBLE}.new`), this.#path(VISIBLE));
    } catch (error) {
      // What is visible is untouched; what this left is in nobody's way, and the next pass clears it, too.
      await this.#clear(before).catch(() => undefined);
      throw asDeliveryError(error);
    }
    await this.#clear(name).catch(() => undefined);
    await this.#unlinkTops(next).catch(() => undefined);
  }

  async tidy(): Promise<void> {
    await this.#clear(await this.#visible());
    await this.#unlinkTops((await this.current()) ?? { files: [], owed: [] });
  }

  async settle(): Promise<void> {
    const name = await this.#visible();
    if (name === null) return;
    await this.#files.rm(this.#path(`${SETTLED}.new`), { force: true });
    await this.#writeFile(this.#path(`${SETTLED}.new`), Buffer.from(name), 0o600);
    await this.#files.rename(this.#path(`${SETTLED}.new`), this.#path(SETTLED));
  }

  #path(...names: readonly string[]): string {
    return join(this.#root, ...names);
  }

  async #visible(): Promise<string | null> {
    const target = await orNull(this.#files.readlink(this.#path(VISIBLE)));
    return target !== null && /^\.\.gen-\d{1,15}$/.test(target) ? target : null;
  }

  /** Takes away every generation but one, and what a pass that was cut short had begun. */
  async #clear(except: string | null): Promise<void> {
    for (const name of await this.#files.readdir(this.#root)) {
      const isLeft = name.startsWith(GENERATION) ? name !== except : name === `${VISIBLE}.new`;
      if (isLeft) await this.#files.rm(this.#path(name), { recursive: true, force: true });
    }
  }

  async #makeDirectory(...names: readonly string[]): Promise<void> {
    const path = this.#path(...names);
    await this.#files.mkdir(path, { recursive: true });
    // Whatever the umask made of it.
    await this.#files.chmod(path, DIRECTORY_MODE);
  }

  async #fill(
    name: string,
    { files }: Generation,
    kept: ReadonlySet<string>,
    before: string | null,
    content: (name: string) => Promise<Secret>,
  ): Promise<void> {
    const made = new Set<string>(["."]);
    for (const file of files) {
      for (const directory of directoriesOf(file.name)) {
        if (!made.has(directory)) await this.#makeDirectory(name, directory);
        made.add(directory);
      }
      const path = this.#path(name, file.name);
      const isKept = kept.has(file.name) && before !== null;
      if (!isKept || !(await this.#link(this.#path(before, file.name), path))) {
        await this.#writeSecret(path, file, content);
      }
    }
  }

  /** False where this process may not: a file of another user, in a service that has no rights over those. */
  async #link(existing: string, path: string): Promise<boolean> {
    try {
      await this.#files.link(existing, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EPERM") return false;
      throw error;
    }
  }

  async #writeSecret(path: string, file: PlacedFile, content: (name: string) => Promise<Secret>): Promise<void> {
    const value = await content(file.name);
    try {
      await this.#writeFile(path, value.reveal(), 0o600);
    } finally {
      value.wipe();
    }
    const { uid, gid, mode, readers } = file.access;
    // Given away last: what is another's takes more rights to change.
    await this.#files.chmod(path, mode);
    if (readers.length > 0) await grantReaders(path, readers);
    if (uid !== process.geteuid?.() || gid !== process.getegid?.()) await this.#files.chown(path, uid, gid);
  }

  async #writeFile(path: string, content: Uint8Array, mode: number): Promise<void> {
    const file = await this.#files.open(path, "wx", mode);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
  }

  /** A new one leads nowhere until the generation is visible, which is as if it were not there. */
  async #linkTops(next: Generation): Promise<void> {
    for (const top of topsOf(next)) {
      const target = `${VISIBLE}/${top}`;
      if ((await orNull(this.#files.readlink(this.#path(top)))) === target) continue;
      await this.#files.symlink(target, this.#path(top));
    }
  }

  async #unlinkTops(next: Generation): Promise<void> {
    const wanted = topsOf(next);
    for (const name of await this.#files.readdir(this.#root)) {
      if (wanted.has(name)) continue;
      const target = await orNull(this.#files.readlink(this.#path(name)));
      if (target === `${VISIBLE}/${name}`) await this.#files.rm(this.#path(name), { force: true });
    }
  }
}

function topsOf({ files }: Generation): Set<string> {
  return new Set(files.map(({ name }) => name.split("/")[0] ?? name));
}

/** `a`, `a/b` of `a/b/c`. */
function directoriesOf(name: string): string[] {
  const directory = dirname(name);
  return directory === "." ? [] : [...directoriesOf(directory), directory];
}

async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EINVAL" || code === "ENOTDIR") return null;
    throw error;
  }
}

function asDeliveryError(error: unknown): unknown {
  if (error instanceof LabError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new DeliveryFailedError("no space is left there", "make its file system larger", { cause: error });
    case "EPERM":
    case "EACCES":
    case "EROFS":
      return new DeliveryFailedError(message, "run the agent as root, or give it another directory", { cause: error });
    case undefined:
      return error;
    default:
      return new DeliveryFailedError(message, "lab doctor", { cause: error });
  }
}
