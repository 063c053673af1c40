import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CommandContext } from "../../../src/cli/command.ts";
import { tellSlowStart } from "../../../src/cli/machine/slow-start.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "lab-slow-"));
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(home, { recursive: true });
});

describe("whoever waits for an agent to start", () => {
  it("hears nothing within a second, then once what is done, and once that the store is mended", () => {
    const said: string[] = [];
    const done = tellSlowStart({ note: (text) => void said.push(text) } as CommandContext, home);
    vi.advanceTimersByTime(900);
    expect(said).toEqual([]);
    vi.advanceTimersByTime(3_000);
    expect(said).toEqual([`reading ${join(home, "store")} …`]);
    mkdirSync(join(home, "store.fresh"));
    vi.advanceTimersByTime(3_000);
    expect(said.slice(1)).toEqual([expect.stringMatching(/^the store is damaged: mending it/)]);
    done();
    vi.advanceTimersByTime(3_000);
    expect(said).toHaveLength(2);
  });
});
