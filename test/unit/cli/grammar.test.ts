import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMAND_MODULES } from "../../../src/cli/commands.ts";
import { printHelp } from "../../../src/cli/argv/help.ts";
import { parseArgv } from "../../../src/cli/argv/parse.ts";
import { displayWidth } from "../../../src/cli/render/text.ts";
import { wordTable } from "../../../src/operations/commands.ts";
import { splitLine } from "../../scripts/transcript.ts";

const parse = (line: string) => parseArgv(wordTable, splitLine(line).words);

function understood(line: string) {
  const parsed = parse(line);
  if (parsed.kind !== "run") throw new Error(`${line} is help`);
  const { command, args, flags } = parsed;
  return { words: command.words.join(" "), args: Object.fromEntries(args), flags: Object.fromEntries(flags) };
}

describe("a command line", () => {
  it("is read with flags before, between and after the words", () => {
    const expected = {
      words: "get servers",
      args: { NAME: ["web-1"] },
      flags: { selector: ["web", "prod"], home: ["/h"], output: ["json"] },
    };
    for (const line of [
      "--home /h get servers web-1 -l web -l prod -o json",
      "get -l web --home=/h servers --label prod -ojson web-1",
      "-o=json get servers --selector=web --selector prod --home /h web-1",
    ]) {
      expect(understood(line)).toEqual(expected);
    }
  });

  it("takes everything after -- as it is", () => {
    expect(understood("label server web-1 -- -odd").args).toEqual({ NAME: ["web-1"], LABEL: ["-odd"] });
  });

  it("keeps a trailing minus as a label that goes", () => {
    expect(understood("label server web-1 prod secret-store-").args["LABEL"]).toEqual(["prod", "secret-store-"]);
  });

  it("finds the longest command", () => {
    expect(understood("agent").words).toBe("agent");
    expect(understood("agent stop").words).toBe("agent stop");
  });

  it("knows the other spelling of a command", () => {
    expect(understood("server migrate --target nas-1").words).toBe("coordinator migrate");
    expect(understood("get server web-1").words).toBe("get servers");
  });

  it("is help with -h anywhere, with the word help, and without words", () => {
    for (const line of ["get servers -h", "-h get servers", "help get servers"]) {
      expect(parse(line)).toMatchObject({ kind: "help", words: ["get", "servers"] });
    }
    expect(parse("")).toMatchObject({ kind: "help", words: [] });
  });

  it.each([
    ["get servers -z", "has no flag -z"],
    ["get peers -l web", "has no flag -l"],
    ["-l web get peers", "has no flag --selector"],
    ["status --yes=1", "takes no value"],
    ["status --home a --home b", "given twice"],
    ["status --color sometimes", "cannot be"],
    ["version now", "takes no argument"],
    ["label server", "needs NAME"],
  ])("is refused: %s", (line, why) => {
    expect(() => parse(line)).toThrow(why);
  });
});

describe("the table of words", () => {
  it("has a module for every command", () => {
    const modules = new Set(wordTable.commands.map(({ module }) => module));
    expect([...modules].filter((name) => !(name in COMMAND_MODULES))).toEqual([]);
    expect(Object.keys(COMMAND_MODULES).filter((name) => !modules.has(name))).toEqual([]);
    const folder = join(import.meta.dirname, "../../../src/cli/commands");
    expect([...modules].filter((name) => !existsSync(join(folder, `${name}.ts`)))).toEqual([]);
  });

  it("is plain data", () => {
    expect(JSON.parse(JSON.stringify(wordTable))).toEqual(wordTable);
  });

  it.each(wordTable.commands.map((command) => [command.words.join(" "), command] as const))(
    "has examples of `lab %s` that are commands",
    (words, { examples }) => {
      expect(examples.length).toBeGreaterThan(0);
      for (const example of examples) {
        const line = /\blab ([^|>)]+)/.exec(example)?.[1] ?? "";
        const spelling = understood(line.replace(/\s+$/, ""));
        expect(spelling.words).toBe(words);
      }
    },
  );

  it("gives no letter to two flags of one command", () => {
    for (const { words, flags } of wordTable.commands) {
      const letters = [...wordTable.globals, ...flags].flatMap(({ short }) => short ?? []);
      expect(new Set(letters).size, words.join(" ")).toBe(letters.length);
    }
  });
});

describe("help", () => {
  const pages = [
    [],
    ["get"],
    ["demo"],
    ...wordTable.topics.map(({ name }) => [name]),
    ...wordTable.commands.map(({ words }) => [...words]),
  ];

  it.each(pages.map((words) => [words.join(" ") || "(all)", words] as const))(
    "on %s fits into 80 columns",
    (_, words) => {
      const page = printHelp(wordTable, words);
      expect(page.split("\n").filter((line) => displayWidth(line) > 80)).toEqual([]);
      expect(page).not.toContain("undefined");
    },
  );

  it("has the examples of a command before its flags", () => {
    const page = printHelp(wordTable, ["get", "servers"]);
    expect(page.indexOf("Examples:")).toBeLessThan(page.indexOf("Flags:"));
  });
});
