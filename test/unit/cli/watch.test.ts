import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FixtureAgent, readWorld } from "../../scripts/fixture-agent.ts";
import { perform } from "../../scripts/transcript.ts";

describe("following", () => {
  let home: string;
  let agent: FixtureAgent;
  const world = readWorld("homelab");

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), "lab-watch-"));
    mkdirSync(join(home, "run"));
    agent = new FixtureAgent(join(home, "run/agent.sock"), world);
    await agent.listen();
  });
  afterEach(async () => {
    await agent.close();
    rmSync(home, { recursive: true, force: true });
  });

  const stage = (columns?: number) => ({ env: { HOME: home, LAB_HOME: home, NO_COLOR: "1" }, cwd: home, columns });
  const listed = () => agent.requests.filter(({ url }) => url.startsWith("/v1/servers")).length;

  it("lab get -w prints every difference as a line of JSON, after all that there was", async () => {
    const running = perform(["get", "servers", "-l", "web", "--allow-empty", "-w"], stage());
    await vi.waitFor(() => expect(listed()).toBe(1));
    const [web1, web2] = world.servers.filter(({ labels }) => labels.includes("web"));
    agent.world = {
      ...world,
      servers: [
        { ...web1!, size: "large" },
        { ...web2!, labels: ["web-old"] },
        { ...web2!, name: "web-3" },
      ],
    };
    agent.tell("view", {});
    await vi.waitFor(() => expect(listed()).toBe(2));
    agent.tell("entry", {});
    agent.tell("peer", {});
    await vi.waitFor(() => expect(listed()).toBe(3));
    agent.hangUp();
    const { exit, stdout } = await running;
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; item?: { name: string } });
    expect(exit).toBe(0);
    expect(lines.map(({ type, item }) => `${type} ${item?.name ?? ""}`)).toEqual([
      "added web-1",
      "added web-2",
      "synced ",
      "changed web-1",
      "added web-3",
      "removed web-2",
    ]);
  });

  it("lab get -w draws the table again at a terminal", async () => {
    const running = perform(["get", "servers", "web-1", "-w"], stage(120));
    await vi.waitFor(() => expect(listed()).toBe(1));
    agent.tell("view", {});
    await vi.waitFor(() => expect(listed()).toBe(2));
    agent.hangUp();
    const { stdout } = await running;
    expect(stdout.split("\u001b[H\u001b[2J").filter((table) => table.startsWith("NAME "))).toHaveLength(2);
  });

  it("lab events prints one line per event", async () => {
    const time = "2026-11-21T11:59:59Z";
    const follow = async (...words: string[]) => {
      const running = perform(["events", ...words], stage());
      await vi.waitFor(() => expect(agent.followers).toBe(1));
      agent.tell("entry", { time, author: "alice", action: "label", object: "server/web-1" });
      agent.tell("view", { time, stateHash: "c0ffee00c0ffee00" });
      agent.tell("peer", { time, name: "nas-1", online: "no" });
      agent.tell("later", {});
      agent.hangUp();
      return (await running).stdout;
    };
    expect(await follow("-w")).toBe(
      [
        "2026-11-21 11:59:59  entry  alice label server/web-1",
        "2026-11-21 11:59:59  view   state is now c0ffee00c0ff",
        "2026-11-21 11:59:59  peer   nas-1 ✗ not heard",
        "–  later  –",
        "",
      ].join("\n"),
    );
    await vi.waitFor(() => expect(agent.followers).toBe(0));
    const lines = (await follow("-o", "json")).trim().split("\n");
    expect(JSON.parse(lines[1]!)).toEqual({ event: "view", id: "6", data: { time, stateHash: "c0ffee00c0ffee00" } });
  });

  it("--peer asks another peer through the agent", async () => {
    await perform(["get", "peers", "--peer", "mac-studio"], stage());
    expect(agent.requests).toEqual([{ url: "/v1/peers", peer: "mac-studio" }]);
  });

  it("--out writes the data to a file, a secret's for its reader alone", async () => {
    const { readFileSync, statSync } = await import("node:fs");
    const secrets = new FixtureAgent(join(home, "run/secrets.sock"), world);
    await secrets.listen();
    const { stdout } = await perform(["secret", "get", "web/tls", "--out", "tls.pem"], stage());
    await perform(["get", "servers", "-o", "name", "--out", "names"], stage());
    await secrets.close();
    expect(stdout).toBe("");
    expect(readFileSync(join(home, "tls.pem"), "utf8")).toBe("-----BEGIN TLS-----\n");
    expect(statSync(join(home, "tls.pem")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(home, "names"), "utf8").split("\n")).toContain("web-1");
    expect([secrets.requests.length, agent.requests.map(({ url }) => url)]).toEqual([1, ["/v1/servers"]]);
  });
});
