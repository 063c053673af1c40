import type * as fs from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { FileCalls } from "../../../src/node/platform/secret-directory.ts";

const NAMES = [
  "chmod",
  "chown",
  "link",
  "lstat",
  "mkdir",
  "readFile",
  "readdir",
  "readlink",
  "rename",
  "rm",
  "rmdir",
  "symlink",
] as const;
type Calls = FileCalls & Pick<typeof fs, "lstat" | "rmdir">;
/** `write` is what happens when half of something is written. */
export type Step = (typeof NAMES)[number] | "open" | "write";

/** A file system that tells each of its calls before it takes effect, and that half of what is written is there. */
export function stepping(real: Calls, step: (call: Step) => void): Calls {
  const guarded = (name: (typeof NAMES)[number]) => {
    const call = real[name] as (...args: unknown[]) => Promise<unknown>;
    return async (...args: unknown[]) => {
      step(name);
      return call(...args);
    };
  };
  const open = async (...args: Parameters<FileCalls["open"]>): Promise<FileHandle> => {
    step("open");
    const handle = await real.open(...args);
    const writeFile = handle.writeFile.bind(handle);
    handle.writeFile = async (data) => {
      const bytes = data as Uint8Array;
      const half = Math.floor(bytes.length / 2);
      await writeFile(bytes.subarray(0, half));
      step("write");
      await writeFile(bytes.subarray(half));
    };
    return handle;
  };
  return { ...Object.fromEntries(NAMES.map((name) => [name, guarded(name)])), open } as unknown as Calls;
}

/** One that does `fault` in the middle of its n-th call, counting from 1. */
export function failing(
  real: Calls,
  n: number,
  fault: () => void,
): { readonly calls: Calls; readonly count: () => number } {
  let made = 0;
  const calls = stepping(real, () => {
    if (++made === n) fault();
  });
  return { calls, count: () => made };
}
