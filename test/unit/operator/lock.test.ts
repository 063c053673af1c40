import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockDirectory } from "../../../src/operator/files/lock.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lab-lock-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const options = { waitMs: 0, now: Date.now };

/** What lies in the directory after a lock was taken and given back. */
async function leftAfterTurn(): Promise<string[]> {
  (await lockDirectory(dir, options)).release();
  return readdirSync(dir);
}

describe("the lock of a key", () => {
  test("is held by one, and tells the other who has it", async () => {
    const lock = await lockDirectory(dir, options);
    await expect(lockDirectory(dir, options)).rejects.toMatchObject({
      code: "Conflict",
      message: `another command (process ${process.pid}) is signing with this operator's key`,
    });
    lock.release();
    expect(await leftAfterTurn()).toEqual([]);
  });

  test("is waited for", async () => {
    const lock = await lockDirectory(dir, options);
    const next = lockDirectory(dir, { ...options, waitMs: 60_000 });
    lock.release();
    (await next).release();
    expect(await leftAfterTurn()).toEqual([]);
  });

  test("is taken over from a process that is gone", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => child.once("exit", resolve));
    writeFileSync(join(dir, "lock"), JSON.stringify({ pid: child.pid, started: "1" }));
    expect(await leftAfterTurn()).toEqual([]);
  });

  test("is taken over from a process whose number another one has now", async () => {
    writeFileSync(join(dir, "lock"), JSON.stringify({ pid: process.pid, started: "1" }));
    expect(await leftAfterTurn()).toEqual([]);
  });

  test("is taken over when a power cut left it empty", async () => {
    writeFileSync(join(dir, "lock"), "");
    expect(await leftAfterTurn()).toEqual([]);
  });

  test("is taken over by one of many who find it stale", async () => {
    writeFileSync(join(dir, "lock"), "");
    let holders = 0;
    let most = 0;
    const takeTurn = async () => {
      const lock = await lockDirectory(dir, { ...options, waitMs: 60_000 });
      most = Math.max(most, ++holders);
      await new Promise((resolve) => setImmediate(resolve));
      holders--;
      lock.release();
    };
    await Promise.all(Array.from({ length: 20 }, takeTurn));
    expect(most).toBe(1);
  });

  test("is taken over although a takeover was interrupted", async () => {
    writeFileSync(join(dir, "lock"), "");
    writeFileSync(join(dir, "lock.takeover"), "");
    utimesSync(join(dir, "lock.takeover"), 1, 1);
    expect(await leftAfterTurn()).toEqual([]);
  });
});
