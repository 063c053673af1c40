import { execFile, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { registerContext } from "../../../src/cli/connection/contexts.ts";
import { FixtureAgent, readWorld } from "../../scripts/fixture-agent.ts";
import { perform } from "../../scripts/transcript.ts";

const MAIN = join(import.meta.dirname, "../../../src/cli/main.ts");
const run = promisify(execFile);

describe("completion", () => {
  let home: string;
  let agent: FixtureAgent;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "lab-completion-"));
    mkdirSync(join(home, "run"));
    mkdirSync(join(home, "bin"));
    writeFileSync(join(home, "bin/lab"), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    chmodSync(join(home, "bin/lab"), 0o755);
    registerContext(join(home, "config"), "demo", { home });
    agent = new FixtureAgent(join(home, "run/agent.sock"), readWorld("homelab"));
    await agent.listen();
  });
  afterAll(async () => {
    await agent.close();
    rmSync(home, { recursive: true, force: true });
  });

  const env = () => ({
    HOME: home,
    LAB_HOME: home,
    LAB_CONFIG: join(home, "config"),
    PATH: `${join(home, "bin")}:${process.env["PATH"]}`,
  });
  async function proposals(...words: string[]): Promise<string[]> {
    const { exit, stdout } = await perform(["__complete", "--", ...words], { env: env(), cwd: home });
    expect(exit).toBe(0);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split("\t")[0] ?? "");
  }

  it.each([
    [["g"], ["get"]],
    [
      ["get", "se"],
      ["servers", "secrets"],
    ],
    [
      ["agent", ""],
      ["ready", "install", "stop", "logs"],
    ],
    [
      ["help", "ex"],
      ["explain", "exit-codes"],
    ],
    [
      ["describe", "server", "web"],
      ["web-1", "web-2"],
    ],
    [["get", "servers", "web-1", "dgx"], ["dgx-spark"]],
    [["--home", "HOME", "describe", "server", "dgx"], ["dgx-spark"]],
    [["--context", ""], ["demo"]],
    [["context", "use", ""], ["demo"]],
    [["get", "servers", "-l", "w"], ["web"]],
    [["get", "servers", "-l", "k8s-worker,!w"], ["k8s-worker,!web"]],
    [
      ["get", "servers", "--output", "js"],
      ["json", "jsonpath="],
    ],
    [
      ["get", "servers", "--output=js"],
      ["--output=json", "--output=jsonpath="],
    ],
    [
      ["get", "servers", "--output", "=", "js"],
      ["--output=json", "--output=jsonpath="],
    ],
    [["get", "servers", "--no-h"], ["--no-headers"]],
    [["secret", "get", "web/"], ["web/tls"]],
    [["set", "server", "web-1", "re"], ["region="]],
    [["unset", "server", "web-1", "re"], ["region"]],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["apply", "-f", ""], [":files"]],
    [
      ["status", "--color", "a"],
      ["auto", "always"],
    ],
    [
      ["demo", "partition", "laptop,web-"],
      ["laptop,web-1", "laptop,web-2"],
    ],
    [["delete", "label", "we"], ["web"]],
    [["edit", "server", "dgx"], ["dgx-spark"]],
    [["delete", "nonsense", ""], []],
    [["why", "nobody", ""], []],
    [["nonsense", ""], []],
    [["version", ""], []],
  ])("of %j", async (words, expected) => {
    expect(await proposals(...words.map((word) => (word === "HOME" ? home : word)))).toEqual(expected);
  });

  it("explains what it proposes", async () => {
    const { stdout } = await perform(["__complete", "--", "stat"], { env: env(), cwd: home });
    expect(stdout).toBe("status\tThe mesh as a whole, and what does not work until something is back\n");
  });

  it("proposes commands and flags, and no names, when the agent does not answer or nobody is there", async () => {
    const silent = mkdtempSync(join(tmpdir(), "lab-silent-"));
    mkdirSync(join(silent, "run"));
    const deaf = createServer((socket) => void socket.resume());
    onTestFinished(async () => {
      await new Promise((resolve) => deaf.close(resolve));
      rmSync(silent, { recursive: true, force: true });
    });
    await new Promise<void>((resolve) => deaf.listen(join(silent, "run/agent.sock"), resolve));
    for (const elsewhere of [silent, join(silent, "nothing")]) {
      expect(await proposals("--home", elsewhere, "get", "servers", "")).toEqual([]);
      expect(await proposals("--home", elsewhere, "get", "pe")).toEqual(["peers"]);
    }
  });

  async function inBash(line: string): Promise<string[]> {
    const script = `
      source <(lab completion bash)
      COMP_LINE=$1 COMP_POINT=\${#1}
      # Words as readline breaks them: at spaces and around "=".
      IFS=$'\\n' read -r -d '' -a COMP_WORDS < <(sed 's/=/ = /g; s/ \\+/\\n/g' <<<"$1") || true
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      compopt() { :; }
      _lab
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run("bash", ["-c", script, "bash", line], { env: env(), cwd: home });
    return stdout.split("\n").filter((word) => word !== "");
  }

  it("works in bash", async () => {
    expect(await inBash("lab get se")).toEqual(["servers", "secrets"]);
    expect(await inBash("lab describe server web")).toEqual(["web-1", "web-2"]);
    expect(await inBash("lab get servers --output=js")).toEqual(["json", "jsonpath="]);
  });

  const isInstalled = (shell: string) => spawnSync(shell, ["--version"]).error === undefined;
  const reason = (shell: string) => (isInstalled(shell) ? "" : ` (skipped: ${shell} is not installed)`);

  it.skipIf(!isInstalled("fish"))(`works in fish${reason("fish")}`, async () => {
    const { stdout } = await run(
      "fish",
      ["-c", "lab completion fish | source; complete -C 'lab describe server web'"],
      { env: env(), cwd: home },
    );
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split("\t")[0]),
    ).toEqual(["web-1", "web-2"]);
  });

  it.skipIf(!isInstalled("zsh"))(`works in zsh${reason("zsh")}`, async () => {
    const script = `
      autoload -Uz compinit; compinit -u -d ${home}/zcompdump
      source <(lab completion zsh)
      _describe() { print -l -- "\${(@P)2}"; }
      words=(lab get se) CURRENT=3; _lab`;
    const { stdout } = await run("zsh", ["-f", "-c", script], { env: env(), cwd: home });
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(":")[0]),
    ).toEqual(["servers", "secrets"]);
  });
});
