import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FixtureAgent, readWorld } from "../../scripts/fixture-agent.ts";

const MAIN = join(import.meta.dirname, "../../../src/cli/main.ts");

describe("lab as a process", () => {
  let home: string;
  let agent: FixtureAgent;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), "lab-process-"));
    mkdirSync(join(home, "run"));
    const world = readWorld("homelab");
    const [server] = world.servers;
    const servers = Array.from({ length: 3000 }, (_, i) => ({ ...server!, name: `web-${i}`, id: null }));
    agent = new FixtureAgent(join(home, "run/agent.sock"), { ...world, servers });
    await agent.listen();
  });
  afterEach(async () => {
    await agent.close();
    rmSync(home, { recursive: true, force: true });
  });

  function start(command: string, args: readonly string[]) {
    const child = spawn(command, args, { env: { ...process.env, HOME: home, LAB_HOME: home, LAB_CONFIG: home } });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
      child.on("close", (code) => resolve({ code, stdout, stderr }));
    });
    return { child, ended };
  }
  const lab = (...words: string[]) => start(process.execPath, [MAIN, ...words]).ended;
  const shell = (script: string) => start("bash", ["-c", script]).ended;
  const quoted = `"${process.execPath}" "${MAIN}"`;

  it("ends with the command's exit code, data on stdout, errors on stderr", async () => {
    expect(await lab("get", "servers", "web-7", "-o", "name")).toEqual({ code: 0, stdout: "web-7\n", stderr: "" });
    const { code, stdout, stderr } = await lab("get", "servers", "wbe-7");
    expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
    expect(stderr).toMatch(/^error: server "wbe-7" does not exist\n {2}seen by peer laptop/);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect((await lab("get", "servers", "wbe-7", "--debug")).stderr).toMatch(/^ {4}at /m);
  });

  it("is quiet when its reader has seen enough", async () => {
    const { code, stdout, stderr } = await shell(`set -o pipefail; ${quoted} get servers | head -1`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^NAME +PROVIDER +LABELS +SIZE +SYNC +PUPPET +HEALTH +IDENTITY\n$/);
  });

  it("writes everything to a slow reader", async () => {
    const { stdout } = await shell(`${quoted} get servers -o json | (sleep 0.3; cat) | wc -c`);
    const { stdout: direct } = await lab("get", "servers", "-o", "json");
    expect(Number(stdout)).toBe(Buffer.byteLength(direct));
    expect((JSON.parse(direct) as { items: unknown[] }).items).toHaveLength(3000);
  });

  it("ends with 130 when it is interrupted", async () => {
    const { child, ended } = start(process.execPath, [MAIN, "events", "-w"]);
    await vi.waitFor(() => expect(agent.followers).toBe(1), { timeout: 20_000 });
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, stderr: "" });
  });
});
