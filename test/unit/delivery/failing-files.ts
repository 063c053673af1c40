import type { FileHandle } from "node:fs/promises";
import type { FileCalls } from "../../../src/node/platform/secret-directory.ts";

/**
 * A file system that does `fault` in the middle of its n-th call, counting from 1: before it takes effect, or, for what
 * is written, when half of it is.
 */
export function failing(
  real: FileCalls,
  n: number,
  fault: () => void,
): { readonly calls: FileCalls; readonly count: () => number } {
  let made = 0;
  const step = () => {
    if (++made === n) fault();
  };
  const guarded = (name: keyof FileCalls) => {
    const call = real[name] as (...args: unknown[]) => Promise<unknown>;
    return async (...args: unknown[]) => {
      step();
      return call(...args);
    };
  };
  const names = [
    "chmod",
    "chown",
    "link",
    "mkdir",
    "readFile",
    "readdir",
    "readlink",
    "rename",
    "rm",
    "symlink",
  ] as const;
  const open = async (...args: Parameters<FileCalls["open"]>): Promise<FileHandle> => {
    step();
    const handle = await real.open(...args);
    const writeFile = handle.writeFile.bind(handle);
    handle.writeFile = async (data) => {
      const bytes = data as Uint8Array;
      const half = Math.floor(bytes.length / 2);
      await writeFile(bytes.subarray(0, half));
      step();
      await writeFile(bytes.subarray(half));
    };
    return handle;
  };
  const calls = { ...Object.fromEntries(names.map((name) => [name, guarded(name)])), open } as unknown as FileCalls;
  return { calls, count: () => made };
}
