import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseArgv } from "../../../src/cli/argv/parse.ts";
import { FOUNDER, chooseMachines, SECOND, SECRET } from "../../../src/demo/machines.ts";
import { tellStory } from "../../../src/demo/story.ts";
import { wordTable } from "../../../src/operations/commands.ts";
import type { LabelSpec, ServerSpec } from "../../../src/operations/declarations/registry.ts";
import { readDeclarations } from "../../../src/operator/declarations/read.ts";

const example = join(import.meta.dirname, "../../../examples/homelab");
const declared = readDeclarations(
  ["labels.yaml", "servers.yaml", "secrets.yaml"].map((name) => ({
    name,
    text: readFileSync(join(example, name), "utf8"),
  })),
);

describe("the demo's machines", () => {
  it("are those of the example, with a reader that is entitled to the secret and keeps none for others", () => {
    expect([...chooseMachines(undefined)].sort()).toEqual([...(declared.get("server")?.keys() ?? [])].sort());
    const reader = declared.get("server")?.get(SECRET.reader)?.spec as ServerSpec | undefined;
    const specOf = (label: string) => declared.get("label")?.get(label)?.spec as LabelSpec | undefined;
    const granted = reader?.labels?.flatMap((label) => specOf(label)?.secrets ?? []);
    expect(granted).toContain(SECRET.path);
    expect([FOUNDER, SECOND]).not.toContain(SECRET.reader);
  });

  it("can be fewer or more", () => {
    expect(chooseMachines("3")).toEqual([FOUNDER, SECOND, SECRET.reader]);
    expect(chooseMachines("7").slice(5)).toEqual(["spare-1", "spare-2"]);
    for (const wish of ["2", "21", "3.5", "five", ""]) {
      expect(() => chooseMachines(wish)).toThrow(expect.objectContaining({ code: "Usage" }));
    }
  });
});

describe("what the demo offers to try", () => {
  it.each(["3", "5", "8"])("is in the grammar, and about machines that are there: %s machines", (count) => {
    const machines = chooseMachines(count);
    const lines = tellStory(machines)
      .split("\n")
      .filter((line) => line.startsWith("bin/lab"));
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      const parsed = parseArgv(wordTable, line.split(" ").slice(1));
      expect(parsed.kind, line).toBe("run");
      if (parsed.kind !== "run" || !["partition", "kill", "start"].includes(parsed.command.words[1] ?? "")) continue;
      const named = [...parsed.args.values()].flat().flatMap((word) => word.split(","));
      expect(machines, line).toEqual(expect.arrayContaining(named));
    }
  });
});
