import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeContexts } from "../../src/cli/connection/contexts.ts";
import { type DemoFile, processOf, readDemo } from "../../src/demo/directory.ts";
import type { RunningProcess } from "../../src/demo/processes.ts";
import { runs } from "../../src/demo/processes.ts";

const checkout = join(import.meta.dirname, "../..");

const FOUNDER = "beelink-ser9-pro";
const SECOND = "mac-studio";
const READER = "beelink-ser9-max";

const LINE_TIMEOUT_MS = 40_000;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface DemoRow {
  readonly name: string;
  readonly pid: number | null;
  readonly state: string;
  readonly peers: number | null;
  readonly stateHash: string | null;
}

/** A user of this machine, with nothing of anybody else's. */
class User {
  readonly top = mkdtempSync(join(tmpdir(), "lab-e2e-demo-"));
  readonly config = join(this.top, "config");
  readonly root = join(this.top, "state", "lab", "demo");
  readonly env = {
    PATH: process.env["PATH"],
    HOME: join(this.top, "home"),
    USER: "carol",
    XDG_STATE_HOME: join(this.top, "state"),
    LAB_CONFIG: this.config,
  };

  /** One line for a shell, in the directory of the checkout. */
  sh(line: string): Promise<Ended> {
    return new Promise((resolve) => {
      const options = { cwd: checkout, env: this.env, timeout: LINE_TIMEOUT_MS, killSignal: "SIGKILL" } as const;
      execFile("/bin/sh", ["-c", line], options, (error, out, err) => {
        resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, out, err });
      });
    });
  }

  /** A line that must succeed; what it printed. */
  async does(line: string): Promise<string> {
    const { code, out, err } = await this.sh(line);
    expect(code, `${line}\n${err}`).toBe(0);
    return out;
  }

  async json<T>(line: string): Promise<T> {
    return JSON.parse(await this.does(`${line} -o json`)) as T;
  }

  async agents(): Promise<readonly DemoRow[]> {
    return (await this.json<{ items: DemoRow[] }>("bin/lab demo status")).items;
  }

  async labels(context: string, server: string): Promise<readonly string[]> {
    const list = await this.json<{ items: { labels: string[] }[] }>(
      `bin/lab --context ${context} get servers ${server}`,
    );
    return list.items[0]?.labels ?? [];
  }

  /** Every agent is connected to every other, and all have one state. Resolves to how long that took. */
  async untilOne(withinMs: number): Promise<number> {
    const beganMs = performance.now();
    for (;;) {
      const agents = await this.agents();
      const isOne = new Set(agents.map(({ stateHash }) => stateHash)).size === 1;
      if (isOne && agents.every(({ peers }) => peers === agents.length - 1)) return performance.now() - beganMs;
      if (performance.now() - beganMs > withinMs) throw new Error(`not one mesh: ${JSON.stringify(agents)}`);
      await sleep(50);
    }
  }

  processes(): readonly RunningProcess[] {
    const { machines } = readDemo(this.root) as DemoFile;
    return machines.flatMap(({ name }) => processOf(this.root, name) ?? []);
  }

  /** Processes of this user that still run, on record or not. */
  strays(): readonly number[] {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids.map(Number).filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(this.top);
      } catch {
        return false;
      }
    });
  }

  async leave(): Promise<void> {
    await this.sh("bin/lab demo down");
    for (const pid of this.strays()) process.kill(pid, "SIGKILL");
    rmSync(this.top, { recursive: true, force: true });
  }
}

/** What a text offers to paste, without what it says between. */
function offered(text: string): string[] {
  return text.split("\n").filter((line) => line.startsWith("bin/lab"));
}

describe("the demo", () => {
  let carol: User;
  let told: Ended;

  beforeAll(async () => {
    carol = new User();
    writeContexts(carol.config, { current: "attic", contexts: { attic: { home: "/attic" } } });
    told = await carol.sh("bin/lab demo up");
  });
  afterAll(() => carol.leave());

  it("comes up with five machines, says each step, and prints the servers", async () => {
    expect(told.code, told.err).toBe(0);
    expect(told.err.trim().split("\n").length).toBeGreaterThan(4);
    const [head = "", ...rows] = told.out.split("\n\n")[0]?.split("\n") ?? [];
    expect(head.split(/ +/)).toEqual(
      expect.arrayContaining("NAME PROVIDER LABELS SYNC PUPPET HEALTH IDENTITY".split(" ")),
    );
    expect(rows.map((row) => row.split(" ")[0])).toEqual([READER, FOUNDER, "dgx-spark", SECOND, "minisforum-ms-r1"]);
    expect(rows.filter((row) => row.includes("✓ enrolled"))).toHaveLength(5);
    await carol.untilOne(0);
  });

  it("leaves the user's own contexts alone, and adds its own", async () => {
    const { items } = await carol.json<{ items: { name: string; current: boolean }[] }>("bin/lab context list");
    expect(items.filter(({ current }) => current).map(({ name }) => name)).toEqual(["attic"]);
    expect(items.map(({ name }) => name)).toEqual(expect.arrayContaining(["demo", "demo-bob", `demo-${READER}`]));
    const elsewhere = await carol.does(`cd / && ${checkout}/bin/lab --context demo get servers`);
    expect(elsewhere).toContain(FOUNDER);
  });

  it("is left as it is when it is brought up again", async () => {
    const before = carol.processes();
    const again = await carol.sh("bin/lab demo up");
    expect(again).toMatchObject({ code: 0, err: expect.stringContaining("up already") as string });
    expect(again.out).toContain("STATE-HASH");
    expect(carol.processes()).toEqual(before);
  });

  it("runs its agents for its own homes only", async () => {
    const ordinary = join(carol.top, "ordinary");
    await carol.does(`LAB_CONFIG=${ordinary}/config bin/lab init --local --recovery later --home ${ordinary}/home`);
    const refused = await carol.sh(`bin/lab demo agent --home ${ordinary}/home`);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("was not made by lab demo") as string });
    // A home that is moved to where the demo's are is still not the demo's.
    await carol.does(`cp -r ${ordinary}/home ${carol.root}/ordinary`);
    expect(await carol.sh(`bin/lab demo agent --home ${carol.root}/ordinary`)).toMatchObject({ code: 2 });
    rmSync(join(carol.root, "ordinary"), { recursive: true });
  });

  it("names the nearest machine when a cut names none that is there", async () => {
    const { code, err } = await carol.sh("bin/lab demo partition mac-studoi dgx-spark");
    expect(code).toBe(5);
    expect(err).toContain("nearest: mac-studio");
    expect(await carol.does("bin/lab demo status")).not.toMatch(/ [12]$/m);
  });

  it("keeps what two operators write on both sides of a cut, and is one again within 5 s", async () => {
    const partition = offered(told.out).find((line) => line.includes(" partition ")) ?? "";
    expect(await carol.does(partition)).toContain(`side 2: ${SECOND}`);
    const cutOff = await carol.sh(`bin/lab --context demo get servers --peer ${SECOND}`);
    expect(cutOff).toMatchObject({ code: 1, out: "" });

    await carol.does("bin/lab --context demo label server minisforum-ms-r1 from-alice");
    await carol.does("bin/lab --context demo-bob label server minisforum-ms-r1 from-bob");
    expect(await carol.labels("demo-dgx-spark", "minisforum-ms-r1")).toContain("from-alice");
    expect(await carol.labels("demo-dgx-spark", "minisforum-ms-r1")).not.toContain("from-bob");
    expect(await carol.labels(`demo-${SECOND}`, "minisforum-ms-r1")).not.toContain("from-alice");
    expect(new Set((await carol.agents()).map(({ stateHash }) => stateHash)).size).toBe(2);

    await carol.does("bin/lab demo heal");
    await carol.untilOne(5_000);
    for (const context of ["demo", "demo-bob"]) {
      expect(await carol.labels(context, "minisforum-ms-r1")).toEqual(
        expect.arrayContaining(["from-alice", "from-bob"]),
      );
    }
  });

  it("stays cut when every agent dies and comes back", async () => {
    const names = (await carol.agents()).map(({ name }) => name).join(" ");
    await carol.does(`bin/lab demo partition ${READER}`);
    await carol.does(`bin/lab demo kill ${names}`);
    await carol.does(`bin/lab demo start ${names}`);
    await carol.does("bin/lab --context demo label server dgx-spark while-away");
    await sleep(2_000);
    expect((await carol.agents()).map(({ name, peers }) => [name, peers])).toContainEqual([READER, 0]);
    expect(await carol.labels(`demo-${READER}`, "dgx-spark")).not.toContain("while-away");
    await carol.does("bin/lab demo heal");
    await carol.untilOne(5_000);
    expect(await carol.labels(`demo-${READER}`, "dgx-spark")).toContain("while-away");
  });

  it("moves the coordinator away from a dead machine, and the new one lets a machine in", async () => {
    await carol.does(`bin/lab demo kill ${FOUNDER}`);
    const asAlice = `bin/lab --context demo-${SECOND}`;
    await carol.does(`${asAlice} coordinator migrate --target ${SECOND} --force --reason "the founder burned down"`);
    const token = (await carol.does(`${asAlice} token create --name web-1 --labels web`)).trim();
    const home = join(carol.top, "web-1");
    await carol.does(`bin/lab join ${token} --home ${home}`);
    try {
      await carol.does(`bin/lab agent --detach --listen 127.0.0.1:0 --no-mdns --home ${home}`);
      expect(await carol.labels(`demo-${READER}`, "web-1")).toEqual(["web"]);
      expect(await carol.does(`bin/lab --home ${home} get servers`)).toContain(READER);
      expect(await carol.sh(`bin/lab join ${token} --home ${home}-again`)).toMatchObject({ code: 4 });
    } finally {
      await carol.does(`bin/lab agent stop --home ${home}`);
    }
    await carol.does(`bin/lab demo start ${FOUNDER}`);
    await carol.untilOne(10_000);
    expect(await carol.labels("demo", SECOND)).toContain("coordinator");
    expect(await carol.labels("demo", FOUNDER)).not.toContain("coordinator");
  });

  it("reads a secret on a machine that is alone, also after its cold start", async () => {
    const others = (await carol.agents()).map(({ name }) => name).filter((name) => name !== READER);
    await carol.does(`bin/lab demo kill ${others.join(" ")}`);
    expect(carol.processes()).toHaveLength(1);
    const read = `bin/lab --context demo-${READER} secret get k8s/join-token`;
    const value = await carol.does(read);
    expect(value).not.toBe("");
    await carol.does(`bin/lab demo kill ${READER}`);
    await carol.does(`bin/lab demo start ${READER}`);
    expect(await carol.does(read)).toBe(value);
    await carol.does(`bin/lab demo start ${others.join(" ")}`);
    await carol.untilOne(10_000);
  });

  it("goes without a trace", async () => {
    const before = carol.processes();
    expect(before).toHaveLength(5);
    await carol.does("bin/lab demo down");
    expect(before.filter(runs)).toEqual([]);
    expect(carol.strays()).toEqual([]);
    expect(existsSync(carol.root)).toBe(false);
    expect(readdirSync(carol.config)).toEqual(["contexts.json"]);
    expect(JSON.parse(readFileSync(join(carol.config, "contexts.json"), "utf8"))).toEqual({
      current: "attic",
      contexts: { attic: { home: "/attic" } },
    });
    expect(await carol.sh("bin/lab demo down")).toMatchObject({ code: 0 });
  });
});

describe("a demo", () => {
  let dave: User;

  beforeAll(() => {
    dave = new User();
  });
  afterAll(() => dave.leave());

  /** Runs `up` until some agents are on record, then sends it a signal. */
  async function interruptUp(signal: NodeJS.Signals): Promise<readonly RunningProcess[]> {
    const lab = spawn(join(checkout, "bin/lab"), ["demo", "up", "--nodes", "3"], { env: dave.env, stdio: "ignore" });
    const ended = new Promise<void>((resolve) => lab.once("exit", () => resolve()));
    const started = () => (readDemo(dave.root) === null ? [] : dave.processes());
    while (started().length < 2) {
      if (lab.exitCode !== null) throw new Error(`it ended with ${lab.exitCode} too soon`);
      await sleep(20);
    }
    const processes = started();
    lab.kill(signal);
    await ended;
    return processes;
  }

  it("that is interrupted on its way up takes itself down again", async () => {
    const processes = await interruptUp("SIGINT");
    expect(processes.filter(runs)).toEqual([]);
    expect(dave.strays()).toEqual([]);
    expect(existsSync(dave.root)).toBe(false);
  });

  it("that died on its way up is cleaned up by the next one, and every line that it offers works", async () => {
    const orphans = await interruptUp("SIGKILL");
    const { code, out, err } = await dave.sh("bin/lab demo up --nodes 3");
    expect(code, err).toBe(0);
    expect(err).toContain("removing what is left");
    expect(orphans.filter(runs)).toEqual([]);
    const lines = offered(out);
    expect(lines.at(-1)).toBe("bin/lab demo down");
    for (const line of lines) await dave.does(line);
    expect(existsSync(dave.root)).toBe(false);
    expect(dave.strays()).toEqual([]);
  });
});
