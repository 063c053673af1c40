import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiskFailedError, DiskFullError } from "../../core/ports/disk.ts";
import type { FileTree } from "../../core/ports/file-tree.ts";
import type { FileCalls } from "./secret-directory.ts";

/** What is being written; one file at a time. No name below it can be asked for. */
const PART = ".part";
const NAME = /^(?!\.{1,2}(\/|$)|\.part$)[a-z0-9.][a-z0-9.-]*(\/(?!\.{1,2}(\/|$))[a-z0-9.][a-z0-9.-]*)*$/;
/** Of what is made: as much of it as the directory itself allows. */
const [FILE_MODE, DIRECTORY_MODE] = [0o666, 0o777];

type TreeCalls = FileCalls & Pick<typeof fs, "lstat" | "rmdir">;

/** A directory of this machine; it is made, for its owner alone, if it is not there. */
export function systemFileTree(root: string, files: TreeCalls = fs): FileTree {
  return new SystemFileTree(root, files);
}

class SystemFileTree implements FileTree {
  readonly path: string;
  readonly #files: TreeCalls;

  constructor(root: string, files: TreeCalls) {
    this.path = root;
    this.#files = files;
  }

  list(under: string): Promise<readonly string[]> {
    return this.#failing(async () => {
      const directory = await this.#walk(under.replace(/\/$/, ""), "directory");
      if (directory === null) return [];
      const entries = await this.#files.readdir(directory, { recursive: true, withFileTypes: true });
      const found = entries.filter((entry) => entry.isFile());
      return found.map(({ parentPath, name }) => join(parentPath, name).slice(this.path.length + 1)).sort();
    });
  }

  read(name: string): Promise<Uint8Array | null> {
    return this.#failing(async () => {
      const path = await this.#walk(name, "file");
      return path === null ? null : new Uint8Array(await this.#files.readFile(path));
    });
  }

  replace(name: string, content: Uint8Array): Promise<void> {
    return this.#failing(async () => {
      await this.#walk(name, "file");
      const { mode } = await this.#rootStat();
      const made = await this.#makeDirectories(name, mode & DIRECTORY_MODE);
      const part = join(this.path, PART);
      await this.#files.rm(part, { force: true });
      // Never over what is there already: a link would lead elsewhere.
      const file = await this.#files.open(part, "wx", 0o600);
      try {
        await file.writeFile(content);
        await file.chmod(mode & FILE_MODE);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#files.rename(part, join(this.path, name));
      for (const directory of [...made, dirname(name)]) await this.#sync(join(this.path, directory));
    });
  }

  remove(name: string): Promise<void> {
    return this.#failing(async () => {
      const path = await this.#walk(name, "file");
      if (path === null) return;
      await this.#files.rm(path);
      let left = dirname(name);
      while (left !== "." && (await this.#removeEmpty(join(this.path, left)))) left = dirname(left);
      await this.#sync(join(this.path, left));
    });
  }

  /** The path of what is there, or null. Throws where it, or what leads to it, is something else than that. */
  async #walk(name: string, kind: "file" | "directory"): Promise<string | null> {
    if (!NAME.test(name)) throw new DiskFailedError(`${JSON.stringify(name)} is no name of a file here`);
    const parts = name.split("/");
    for (let length = 1; length <= parts.length; length++) {
      const path = join(this.path, ...parts.slice(0, length));
      const found = await orNull(this.#files.lstat(path));
      if (found === null) return null;
      const wanted = length < parts.length ? "directory" : kind;
      const isWanted = wanted === "file" ? found.isFile() : found.isDirectory();
      // A link would lead elsewhere, a pipe would be waited for.
      if (!isWanted) throw new DiskFailedError(`${path} is no ${wanted}`);
    }
    return join(this.path, name);
  }

  async #rootStat() {
    await this.#files.mkdir(this.path, { recursive: true, mode: 0o700 });
    return this.#files.lstat(this.path);
  }

  /** Of the directories that it made, those that they stand in, the innermost first. */
  async #makeDirectories(name: string, mode: number): Promise<string[]> {
    const parents: string[] = [];
    const parts = name.split("/").slice(0, -1);
    for (let length = 1; length <= parts.length; length++) {
      const path = join(this.path, ...parts.slice(0, length));
      if ((await orNull(this.#files.lstat(path))) !== null) continue;
      await this.#files.mkdir(path);
      // Whatever the umask made of it.
      await this.#files.chmod(path, mode);
      parents.unshift(join(...parts.slice(0, length - 1), "."));
    }
    return parents;
  }

  async #removeEmpty(path: string): Promise<boolean> {
    try {
      await this.#files.rmdir(path);
      return true;
    } catch (error) {
      if (["ENOTEMPTY", "EEXIST"].includes(codeOf(error))) return false;
      throw error;
    }
  }

  async #sync(path: string): Promise<void> {
    const directory = await this.#files.open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async #failing<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      if (cause instanceof DiskFailedError) throw cause;
      if (["ENOSPC", "EDQUOT"].includes(codeOf(cause))) throw new DiskFullError({ cause });
      throw new DiskFailedError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }
}

async function orNull<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}
