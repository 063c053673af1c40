import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle, type Contents } from "../../scripts/bundle.ts";
import { wordTable } from "../../src/operations/commands.ts";

/** Of source that Node reads through before it answers; fifty of them take a millisecond. */
const BUDGET_KB = 200;

/** Writes down what was loaded, after everything else. */
const WITNESS = `
process.on("exit", () => {
  const files = Object.keys(require.cache).filter((file) => file !== __filename);
  const parts = files.flatMap((file) => [...(require.cache[file].exports.loaded?.keys() ?? [file])]);
  const builtins = process.moduleLoadList.filter((name) => name.startsWith("NativeModule ")).map((name) => name.slice(13));
  require("node:fs").writeFileSync(process.env.LAB_TEST_LOADED, JSON.stringify({ files, parts, builtins }));
});
`;

interface Loaded {
  readonly files: readonly string[];
  /** Parts of the bundle that ran. */
  readonly parts: readonly string[];
  /** Node's own modules. */
  readonly builtins: readonly string[];
}

const SERVER = {
  name: "web-1",
  id: "0".repeat(32),
  provider: "proxmox",
  labels: ["web", "prod"],
  roles: ["host-agent"],
  groups: [],
  environment: "prod",
  region: null,
  size: null,
  addresses: ["10.0.0.7"],
  online: "yes",
  lastSeen: new Date().toISOString(),
  enrolled: new Date().toISOString(),
  sync: { state: "ok", detail: "" },
  puppet: { state: "unknown", detail: "" },
  health: { state: "ok", detail: "" },
  identity: { state: "ok", detail: "enrolled" },
};

function answer() {
  const now = new Date().toISOString();
  return { kind: "ServerList", meta: { peer: "nas-1", asOf: now, newest: now, behind: [] }, items: [SERVER] };
}

describe("what a read command loads", () => {
  let home: string;
  let contents: Contents;
  let agent: Server;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "lab-read-path-"));
    contents = await bundle(home);
    writeFileSync(join(home, "words.json"), JSON.stringify(wordTable));
    writeFileSync(join(home, "witness.cjs"), WITNESS);
    agent = createServer((_, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(answer()));
    });
    await new Promise<void>((resolve) => agent.listen(join(home, "agent.sock"), resolve));
  });

  afterAll(async () => {
    await new Promise((resolve) => agent?.close(resolve) ?? resolve(undefined));
    rmSync(home, { recursive: true, force: true });
  });

  async function run(...words: string[]): Promise<Loaded> {
    const report = join(home, "loaded.json");
    const args = ["--require", join(home, "witness.cjs"), join(home, "lab.cjs"), "--socket", join(home, "agent.sock")];
    const child = spawn(process.execPath, [...args, ...words], {
      env: { HOME: home, LAB_HOME: home, LAB_TEST_LOADED: report },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said = await text(child.stdout);
    expect(said).toContain("web-1");
    return JSON.parse(readFileSync(report, "utf8")) as Loaded;
  }

  it("lists every module that `lab get servers` runs", async () => {
    const { parts, builtins } = await run("get", "servers");
    const sources = parts.flatMap((part) => contents[basename(part)] ?? []).sort();
    const page = [
      ...sources,
      ...builtins
        .filter((name) => !name.startsWith("internal/"))
        .sort()
        .map((name) => `node:${name}`),
    ];
    await expect(`${page.join("\n")}\n`).toMatchFileSnapshot("read-path.txt");
  });

  it.each(["table", "wide", "json", "name"])("stays within the command line's own rooms for -o %s", async (format) => {
    const { files, parts } = await run("get", "servers", "-o", format);
    const sources = parts.flatMap((part) => contents[basename(part)] ?? []);
    expect(sources).toContain("src/cli/main.ts");
    expect(sources.filter((path) => !/^src[/](cli|operations|core)[/]/.test(path))).toEqual([]);
    const bytes = files.reduce((sum, file) => sum + readFileSync(file).length, 0);
    expect(bytes / 1024).toBeLessThan(BUDGET_KB);
  });
});
