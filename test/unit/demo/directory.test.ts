import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { raze } from "../../../src/demo/demo.ts";
import { claimDirectory, type DemoFile, readDemo, withLock } from "../../../src/demo/directory.ts";

describe("the demo's directory", () => {
  let top: string;
  let root: string;
  let file: DemoFile;
  const nobody = { read: () => ({}), remove: () => undefined };

  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), "lab-demo-"));
    root = join(top, "state", "demo");
    const configDir = join(top, "config");
    const machines = [{ name: "nas-1", key: null }];
    file = { v: 1, state: "starting", machines, operators: join(configDir, "demo"), configDir };
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  it.each(["state/demo", "config/demo"])("is not made where somebody has files of their own: %s", async (taken) => {
    mkdirSync(join(top, taken), { recursive: true });
    writeFileSync(join(top, taken, "diary.txt"), "dear diary");
    await expect(withLock(root, async () => claimDirectory(root, file))).rejects.toMatchObject({
      code: "AlreadyExists",
    });
    await raze(root, nobody);
    expect(readFileSync(join(top, taken, "diary.txt"), "utf8")).toBe("dear diary");
  });

  it("goes with all that the demo made, and with nothing that came beside it", async () => {
    await withLock(root, async () => claimDirectory(root, file));
    mkdirSync(join(root, "nas-1", "store"), { recursive: true });
    mkdirSync(join(file.operators, "alice"), { recursive: true });
    writeFileSync(join(root, "diary.txt"), "dear diary");
    await withLock(root, () => raze(root, nobody));
    expect(existsSync(join(root, "nas-1"))).toBe(false);
    expect(existsSync(file.operators)).toBe(false);
    expect(readFileSync(join(root, "diary.txt"), "utf8")).toBe("dear diary");
    expect(readDemo(root)).toBeNull();
  });

  it("removes only contexts that lead into it", async () => {
    const removed: string[] = [];
    const contexts = {
      demo: { home: join(root, "nas-1") },
      "demo-like": { home: `${root}-of-mine/nas-1` },
      attic: { home: "/attic" },
      socket: {},
    };
    await withLock(root, async () => {
      claimDirectory(root, file);
      await raze(root, { read: () => contexts, remove: (_, name) => void removed.push(name) });
    });
    expect(removed).toEqual(["demo"]);
    expect(existsSync(root)).toBe(false);
  });

  it("is for one command at a time", async () => {
    const order: string[] = [];
    const work = (name: string) =>
      withLock(root, async () => {
        order.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, 50));
        order.push(`${name} ends`);
      });
    await Promise.all([work("up"), work("down")]);
    expect(order.filter((_, i) => i % 2 === 0).map((line) => line.replace("begins", "ends"))).toEqual(
      order.filter((_, i) => i % 2 === 1),
    );
    expect(existsSync(root)).toBe(false);
  });
});
