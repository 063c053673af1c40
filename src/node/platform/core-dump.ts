import { writeFile } from "node:fs/promises";

/**
 * Keeps the memory of this process out of core dumps, also of those that go to a program (core(5)): no resource limit
 * holds for these, but what is not mapped into a dump is not in it. False where the kernel does not offer that.
 */
export async function keepMemoryOutOfDumps(): Promise<boolean> {
  try {
    await writeFile("/proc/self/coredump_filter", "0\n");
    return true;
  } catch {
    return false;
  }
}
