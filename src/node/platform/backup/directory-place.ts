import { link, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BackupPlaceError } from "../../../core/backup/errors.ts";
import { type BackupPlace, isPlaceFile, type PlaceFile } from "../../../core/backup/place.ts";

/** What is being written has a folder of its own, where an interrupted backup leaves it. */
const PARTS = "parts";
/** Nobody writes a file for so long. */
const FORGOTTEN_MS = 3_600_000;
/** What file systems without hard links answer. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** Backups in a directory: a disk of this machine, or whatever is mounted there. */
export class DirectoryPlace implements BackupPlace {
  readonly name: string;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.name = `dir:${path}`;
  }

  async list(): Promise<ReadonlyMap<string, number>> {
    return this.#failing(async () => {
      const files = new Map<string, number>();
      for (const name of await namesUnder(this.#path)) {
        if (isPlaceFile(name)) files.set(name, (await stat(join(this.#path, name))).size);
      }
      return files;
    });
  }

  async read(names: readonly string[]): Promise<readonly (Uint8Array | null)[]> {
    return this.#failing(() =>
      Promise.all(
        names.map(async (name) => {
          try {
            return new Uint8Array(await readFile(join(this.#path, name)));
          } catch (error) {
            if (isMissing(error)) return null;
            throw error;
          }
        }),
      ),
    );
  }

  async write(chunks: readonly PlaceFile[], manifest: PlaceFile): Promise<"written" | "taken"> {
    return this.#failing(async () => {
      await this.#clearParts();
      const parts: string[] = [];
      try {
        for (const { name, content } of chunks) {
          const part = await this.#part(name, content);
          parts.push(part);
          await rename(part, join(this.#path, name));
        }
        for (const folder of new Set(chunks.map(({ name }) => dirname(name)))) await sync(join(this.#path, folder));
        const part = await this.#part(manifest.name, manifest.content);
        parts.push(part);
        await publish(part, join(this.#path, manifest.name));
        await sync(join(this.#path, dirname(manifest.name)));
        return "written";
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return "taken";
        throw error;
      } finally {
        for (const part of parts) await rm(part, { force: true });
      }
    });
  }

  async remove(names: readonly string[]): Promise<void> {
    await this.#failing(async () => {
      for (const name of names) await rm(join(this.#path, name), { force: true });
    });
  }

  async close(): Promise<void> {}

  /** The content, synced, and the folder that it goes to. */
  async #part(name: string, content: Uint8Array): Promise<string> {
    for (const folder of [PARTS, dirname(name)]) {
      await mkdir(join(this.#path, folder), { recursive: true, mode: 0o700 });
    }
    const part = join(this.#path, PARTS, `${basename(name)}.${process.pid}`);
    const file = await open(part, "w", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    return part;
  }

  async #clearParts(): Promise<void> {
    const folder = join(this.#path, PARTS);
    for (const name of await readdir(folder).catch(() => [])) {
      const { mtimeMs } = await stat(join(folder, name));
      if (Date.now() - mtimeMs > FORGOTTEN_MS) await rm(join(folder, name), { force: true });
    }
  }

  async #failing<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      const why = code === "ENOSPC" ? "no space left" : code === "EACCES" ? "permission denied" : message;
      throw new BackupPlaceError(`${this.name}: ${why}`, {}, { cause });
    }
  }
}

/** A link is not made over another file: of two who make a backup at once, one has the number. */
async function publish(part: string, path: string): Promise<void> {
  try {
    await link(part, path);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    await (await open(path, "wx")).close();
    await rename(part, path);
  }
}

async function namesUnder(path: string): Promise<string[]> {
  const names: string[] = [];
  for (const folder of ["manifests", "chunks"]) {
    try {
      const found = await readdir(join(path, folder), { recursive: true });
      names.push(...found.map((name) => `${folder}/${name}`));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return names;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

async function sync(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
