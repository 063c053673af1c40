import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemSecretDirectory } from "../../../src/node/platform/secret-directory.ts";
import { secretDirectoryContract } from "../../contracts/secret-directory-contract.ts";
import { bring } from "./bring.ts";
import { failing } from "./failing-files.ts";
import { MemorySecretDirectory } from "./memory-directory.ts";

const run = promisify(execFile);
const OLD = { "mail/tls": "old tls", "mail/dkim": "old dkim", lone: "stays", "gone/a": "goes" };
const NEW = { "mail/tls": "new tls", "mail/dkim": "new dkim", lone: "stays", "web/key": "comes" };

let top: string;
let count = 0;
beforeAll(() => (top = mkdtempSync(join(tmpdir(), "lab-secret-directory-"))));
afterAll(() => rmSync(top, { recursive: true, force: true }));

function newRoot(): string {
  const root = join(top, String(++count));
  mkdirSync(root);
  return root;
}

const read = (root: string, name: string): string | undefined => {
  try {
    return readFileSync(join(root, name), "utf8");
  } catch {
    return undefined;
  }
};
const readAll = (root: string) =>
  Object.fromEntries([...new Set([...Object.keys(OLD), ...Object.keys(NEW)])].map((name) => [name, read(root, name)]));
const asRead = (contents: Readonly<Record<string, string>>) => ({
  ...Object.fromEntries(Object.keys({ ...OLD, ...NEW }).map((name) => [name, undefined])),
  ...contents,
});
/** Generations that are there, visible or not. */
const generations = (root: string) => readdirSync(root).filter((name) => name.startsWith("..gen-"));

secretDirectoryContract("files", () => {
  const root = newRoot();
  return Promise.resolve({
    directory: systemSecretDirectory(root),
    read: (name) => Promise.resolve(read(root, name)),
    reopen: () => systemSecretDirectory(root),
  });
});

secretDirectoryContract("memory", () => {
  const directory = new MemorySecretDirectory();
  return Promise.resolve({
    directory,
    read: (name) => Promise.resolve(directory.contents.get(name)),
    reopen: () => directory,
  });
});

describe("a directory of secrets", () => {
  it("is closed to others: files to all but their owner, directories to whoever would look around", async () => {
    const root = newRoot();
    const before = process.umask(0);
    await bring(systemSecretDirectory(root), OLD).finally(() => process.umask(before));
    expect(statSync(join(root, "mail/tls")).mode & 0o777).toBe(0o400);
    expect(statSync(join(root, "mail/")).mode & 0o777).toBe(0o711);
    expect(statSync(join(root, "..data/..files.json")).mode & 0o777).toBe(0o600);
  });

  it("leaves all old or all new when it is killed at any step, and the next agent needs nothing more", async () => {
    const script = join(import.meta.dirname, "dying-writer.ts");
    const write = (root: string, dieAt: number) =>
      run(process.execPath, [script, root, String(dieAt), JSON.stringify(NEW)]).catch((error: unknown) => error);
    const whole = newRoot();
    await bring(systemSecretDirectory(whole), OLD);
    const { stdout } = (await write(whole, 0)) as { stdout: string };
    const steps = Number(stdout);
    expect(steps).toBeGreaterThan(40);
    const seen = { old: 0, new: 0 };
    for (let dieAt = 1; dieAt <= steps; dieAt++) {
      const root = newRoot();
      const directory = systemSecretDirectory(root);
      await bring(directory, OLD);
      await directory.settle();
      expect(await write(root, dieAt)).toMatchObject({ signal: "SIGKILL" });
      const found = readAll(root);
      const isNew = found["mail/tls"] === NEW["mail/tls"];
      seen[isNew ? "new" : "old"]++;
      expect({ dieAt, found }).toEqual({ dieAt, found: asRead(isNew ? NEW : OLD) });
      // The one who comes after finishes it, and nobody who is owed a word is forgotten.
      const { owed } = (await directory.current()) ?? { owed: [] };
      await directory.tidy();
      await bring(directory, NEW);
      expect(readAll(root)).toEqual(asRead(NEW));
      expect(readdirSync(root).filter((name) => !name.startsWith(".."))).toEqual(["lone", "mail", "web"]);
      expect(generations(root)).toHaveLength(1);
      expect(owed).toEqual(isNew ? ["postfix.service"] : []);
    }
    expect(seen.old).toBeGreaterThan(20);
    expect(seen.new).toBeGreaterThan(3);
  }, 120_000);

  it("is as it was when there is no space at any step, says so, and leaves nothing behind", async () => {
    const whole = newRoot();
    await bring(systemSecretDirectory(whole), OLD);
    const counting = failing(fs, 0, () => undefined);
    await bring(systemSecretDirectory(whole, counting.calls), NEW);
    for (let failAt = 1; failAt <= counting.count(); failAt++) {
      const root = newRoot();
      await bring(systemSecretDirectory(root), OLD);
      const full = failing(fs, failAt, () => {
        throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      });
      const outcome = await bring(systemSecretDirectory(root, full.calls), NEW).catch((error: unknown) => error);
      const isNew = read(root, "mail/tls") === NEW["mail/tls"];
      expect({ failAt, found: readAll(root) }).toEqual({ failAt, found: asRead(isNew ? NEW : OLD) });
      if (!isNew && !(outcome instanceof Error && outcome.message.startsWith("ENOSPC"))) {
        expect({ failAt, outcome }).toMatchObject({ outcome: { code: "DeliveryFailed" } });
        expect(generations(root)).toEqual(["..gen-1"]);
      }
      await bring(systemSecretDirectory(root), NEW);
      expect(readAll(root)).toEqual(asRead(NEW));
    }
  });

  it("shows a reader in the middle of changes one whole generation, each time it looks", async () => {
    const root = newRoot();
    const directory = systemSecretDirectory(root);
    const contents = (n: number) => ({ "a/x": `${n}`, "a/y": `${n}` });
    await bring(directory, contents(0));
    let state: "writing" | "done" = "writing";
    const writing = (async () => {
      for (let n = 1; n <= 200; n++) await bring(directory, contents(n));
      state = "done";
    })();
    let looks = 0;
    while ((state as string) !== "done") {
      const at = await fs.realpath(join(root, "a")).catch(() => null);
      if (at === null) continue;
      const [x, y] = await Promise.all([fs.readFile(join(at, "x"), "utf8"), fs.readFile(join(at, "y"), "utf8")]).catch(
        () => ["moved on", "moved on"],
      );
      expect(x).toBe(y);
      // A file that is there is never missing in between.
      expect(read(root, "a/x")).toBeDefined();
      looks++;
    }
    await writing;
    expect(looks).toBeGreaterThan(10);
  });
});
