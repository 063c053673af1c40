import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { playScript } from "../../sim/script.ts";

const dir = join(import.meta.dirname, "scripts");

describe("a world plays", () => {
  it.each(readdirSync(dir))("%s as it is written", async (name) => {
    const path = join(dir, name);
    const script = readFileSync(path, "utf8");
    const played = await playScript(script);
    if (process.env.UPDATE === "1") writeFileSync(path, played);
    else expect(played).toBe(script);
  });

  it("no script that it does not understand", async () => {
    await expect(playScript("> dance nas-1")).rejects.toThrow("the first command is");
    await expect(playScript("> world 3\n> dance nas-1")).rejects.toThrow("no such command: dance");
    await expect(playScript("> world 3\n> crash nobody")).rejects.toThrow('no machine is called "nobody"');
  });
});
