import { describe, expect, test } from "vitest";
import type { LogLevel } from "../../../src/core/ports/log.ts";
import { Secret } from "../../../src/core/secret.ts";
import { jsonLinesLog } from "../../../src/node/platform/log.ts";
import { logContract } from "../../contracts/log-contract.ts";

function linesOf(level: LogLevel) {
  const lines: string[] = [];
  return { log: jsonLinesLog((line) => lines.push(line), level), lines };
}

logContract("the agent's log", () => {
  const { log, lines } = linesOf("debug");
  return { log, shown: () => lines.join("") };
});

describe("the agent's log", () => {
  test("is one JSON object per line", () => {
    const { log, lines } = linesOf("info");
    log.write("warn", "two\nlines", { text: "a\nb", peer: "nas-1" });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]+\n$/);
    const { at, ...rest } = JSON.parse(lines[0] ?? "");
    expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.]\d{3}Z$/);
    expect(rest).toEqual({ level: "warn", event: "two\nlines", facts: { text: "a\nb", peer: "nas-1" } });
  });

  test("leaves out what is below its level", () => {
    const { log, lines } = linesOf("warn");
    for (const level of ["debug", "info", "warn", "error"] as const) log.write(level, level);
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(["warn", "error"]);
  });

  test("describes what JSON cannot say", () => {
    const { log, lines } = linesOf("info");
    const parent: Record<string, unknown> = { name: "parent" };
    parent["child"] = { parent };
    const twice = { shared: true };
    const failure = Object.assign(new Error("no route", { cause: new TypeError("bad address") }), {
      code: "EHOSTUNREACH",
    });
    log.write("info", "facts", {
      secret: new Secret(new Uint8Array(32)),
      big: 10n,
      bytes: new Uint8Array(32),
      buffer: Buffer.from("secret"),
      not: Number.NaN,
      map: new Map<unknown, unknown>([
        ["k", 1n],
        [2, "two"],
      ]),
      set: new Set(["a"]),
      date: new Date(0),
      call: expect,
      parent,
      twice: [twice, twice],
      failure,
    });
    expect(JSON.parse(lines[0] ?? "").facts).toEqual({
      secret: "[secret]",
      big: "10",
      bytes: "[32 bytes]",
      buffer: "[6 bytes]",
      not: "NaN",
      map: { k: "1", "2": "two" },
      set: ["a"],
      date: "1970-01-01T00:00:00.000Z",
      call: "[function]",
      parent: { name: "parent", child: { parent: "[circular]" } },
      twice: [{ shared: true }, { shared: true }],
      failure: {
        code: "EHOSTUNREACH",
        message: "no route",
        cause: { code: "TypeError", message: "bad address" },
      },
    });
  });

  test("goes only so deep", () => {
    const { log, lines } = linesOf("info");
    let deep: unknown = "bottom";
    for (let i = 0; i < 10_000; i++) deep = [deep];
    log.write("info", "deep", { deep });
    expect(lines[0]).toContain("[deep]");
    expect(lines[0]).not.toContain("bottom");
  });

  test("sends no control character to a terminal, not even DEL and those of C1", () => {
    const { log, lines } = linesOf("info");
    const name = "\u001b[31m\u007f\u009b31m\u2028";
    log.write("info", "peer", { name });
    // oxlint-disable-next-line no-control-regex
    expect(lines[0]?.trimEnd()).toMatch(/^[\u0020-\u007e]*$/);
    expect(JSON.parse(lines[0] ?? "").facts.name).toBe(name);
  });
});
