import { execSync, spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab, type Machine, until } from "./lab.ts";

const skipped = spawnSync("promtool", ["--version"]).error === undefined ? "" : " (skipped: promtool is not installed)";

interface PingItem {
  readonly path: string;
  readonly sent: number;
  readonly received: number;
  readonly minMs: number;
  readonly avgMs: number;
  readonly maxMs: number;
}

interface CheckItem {
  readonly name: string;
  readonly state: string;
  readonly detail: string;
  readonly fix: string;
}

describe("a mesh of two that somebody looks after", () => {
  let lab: Lab;
  let nas: Machine;
  let web: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    web = lab.machine("web-1");
    await nas.found();
    await web.join(await nas.token("--name", "web-1"));
    await until("both hear each other", async () =>
      (await Promise.all([nas, web].map((machine) => machine.status()))).every(({ online }) => online === 2),
    );
  });

  afterAll(() => lab.close());

  it("web-1 answers every round trip of nas-1, and nas-1 those that web-1 makes when it is asked to", async () => {
    const { item } = await nas.json<{ item: PingItem }>("ping", "web-1", "-n", "7");
    expect(item).toMatchObject({ path: "direct", sent: 7, received: 7 });
    expect(item.minMs).toBeGreaterThan(0);
    expect(item.minMs).toBeLessThanOrEqual(item.avgMs);
    expect(item.avgMs).toBeLessThanOrEqual(item.maxMs);
    const page = await nas.run(["ping", "nas-1", "--peer", "web-1"]);
    expect(page).toMatch(/✓ nas-1: 5 of 5 answered, 0 % lost\n {2}round trip .* ms\n {2}from web-1, over/);
  });

  it("ping says what is no member, and what is no count", async () => {
    expect(await nas.try(["ping", "web-2"])).toMatchObject({ exit: 5, stderr: expect.stringContaining("web-1") });
    expect((await nas.try(["ping", "web-1", "-n", "0"])).exit).toBe(2);
  });

  it("each agent tells what it counts, and the size of every cache that could grow", async () => {
    let text = "";
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
    await until("gossip has started with web-1", async () => {
      text = (await nas.ask("GET", "/metrics")).body as string;
      return value("lab_gossip_peers") === 1;
    });
    expect(value("lab_mesh_connected_members")).toBe(1);
    expect(value("lab_replica_parked_entries")).toBe(0);
    expect(value("lab_link_received_bytes_total")).toBeGreaterThan(1000);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(1e7);
    expect(value("lab_gossip_seen_messages")).toBeGreaterThanOrEqual(0);
    expect(value("lab_gossip_kept_messages")).toBeGreaterThanOrEqual(0);
    expect(value('nodejs_active_resources{type="Timeout"}')).toBeGreaterThan(0);
    const forwarded = await nas.ask("GET", "/metrics", undefined, { "lab-peer": "web-1" });
    expect(forwarded.body).toContain("lab_mesh_members 1\n");
  });

  it(`what an agent tells is accepted by promtool check metrics${skipped}`, async ({ skip }) => {
    if (skipped !== "") skip();
    const text = (await nas.ask("GET", "/metrics")).body as string;
    const said = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    expect(said).toMatchObject({ status: 0, stderr: "" });
  });

  const checksOf = async (machine: Machine, ...words: string[]) => {
    const { stdout, exit } = await machine.try(["doctor", "-o", "json", ...words]);
    const { items } = JSON.parse(stdout) as { items: readonly CheckItem[] };
    return { exit, items, of: (name: string) => items.find((check) => check.name === name) };
  };

  it("doctor finds nas-1 well, says what it found, and finds web-1 well from there", async () => {
    const { exit, items, of } = await checksOf(nas);
    expect(exit, JSON.stringify(items)).toBe(0);
    expect(items.map(({ name }) => name)).toEqual([
      ...["clock", "keys and file modes", "machine key", "disk space", "core dumps", "ports and addresses"],
      ...["peers", "store", "ledgers", "versions"],
    ]);
    expect(of("clock")).toMatchObject({
      state: "ok",
      detail: expect.stringMatching(/^within \d+ ms of 1 peer$/) as string,
    });
    expect(of("peers")).toMatchObject({ state: "ok", detail: "1 of 1 heard" });
    expect(of("store")).toMatchObject({ state: "ok" });
    expect(of("ports and addresses")).toMatchObject({
      state: "warning",
      detail: expect.stringContaining("127.0.0.1:") as string,
    });
    for (const { state, fix } of items) expect(fix === "").toBe(state === "ok");
    expect((await checksOf(nas, "--peer", "web-1")).of("peers")).toMatchObject({ detail: "1 of 1 heard" });
  });

  it("a ledger that is pinned is told with its pin, by both", async () => {
    await nas.run(["label", "server", "web-1", "spare"]);
    const { detail = "" } = (await checksOf(nas)).of("ledgers") ?? {};
    const [, operator = "", entries = ""] =
      /^(\S+) (\d+) entr(?:y|ies) for \d+ values?, no checkpoint$/.exec(detail) ?? [];
    const said = await nas.try(["checkpoint"]);
    expect(said).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining(`+ checkpoint ${operator} entry ${entries}`) as string,
    });
    expect((await nas.run(["checkpoint"])).trim()).toBe("no changes");
    const pinned = { state: "ok", detail: expect.stringContaining(", 0 after the checkpoint of ") as string };
    expect((await checksOf(nas)).of("ledgers")).toMatchObject(pinned);
    await until("web-1 has heard of it", async () => {
      return ((await checksOf(nas, "--peer", "web-1")).of("ledgers")?.detail ?? "").includes(
        ", 0 after the checkpoint of ",
      );
    });
    expect(await nas.run(["status"])).toMatch(
      new RegExp(`^Ledgers: {2}${operator} ${entries} entr\\S+, checkpoint at ${entries}, `, "m"),
    );
  });

  it("doctor fails over a key that others may read, and the fix that it names mends it", async () => {
    const key = join(nas.home, "keys/node.key");
    chmodSync(key, 0o644);
    const { exit, stdout } = await nas.try(["doctor"]);
    expect(exit).toBe(1);
    const fix = /^ {2}fix: (chmod 600 \S+node[.]key);/m.exec(stdout)?.[1];
    expect(stdout).toContain("✗ keys and file modes: ");
    execSync(fix ?? "false");
    expect((await nas.try(["doctor"])).exit).toBe(0);
  });

  it("doctor works on a home whose agent does not run, and says what it could not check", async () => {
    const pi = lab.machine("pi-1");
    await pi.run(["join", await nas.token("--name", "pi-1")]);
    const { exit, items, of } = await checksOf(pi);
    expect(exit).toBe(1);
    expect(of("agent")).toMatchObject({ state: "failed", fix: "lab agent --detach" });
    expect(of("identity")).toMatchObject({ state: "ok", detail: "pi-1 in mesh homelab" });
    expect(of("store")).toMatchObject({ state: "ok" });
    const unknown = items.filter(({ state }) => state === "unknown").map(({ name }) => name);
    expect(unknown).toEqual(expect.arrayContaining(["clock", "peers", "core dumps", "versions"]));
    rmSync(join(pi.home, "keys"), { recursive: true });
    expect((await checksOf(pi)).of("identity")).toMatchObject({
      state: "failed",
      detail: expect.stringContaining("gone") as string,
    });
    expect((await nas.try(["doctor", "--home", join(lab.root, "nobody")])).exit).toBe(7);
  });

  it("web-1 does not answer any more, and ping says so with exit 1", async () => {
    await web.killAgent();
    const heard = await nas.try(["ping", "web-1", "-o", "json"]);
    expect(heard.exit).toBe(1);
    const { item } = JSON.parse(heard.stdout) as { item: PingItem & { detail: string } };
    expect(item).toMatchObject({ path: "none", received: 0, minMs: null });
    expect(item.detail).toContain("cannot be reached");
  });
});
