import { describe, expect, it } from "vitest";
import { parseDurationMs } from "../../../src/core/duration.ts";

describe("a duration", () => {
  it.each([
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["24h", 86_400_000],
    ["90d", 7_776_000_000],
    ["1h30m", 5_400_000],
  ])("%s", (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(["", "5", "m", "5 m", "-5m", "1.5h", "5y"])("is never %j", (text) => {
    expect(() => parseDurationMs(text)).toThrow("is not a duration");
  });
});
