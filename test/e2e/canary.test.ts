import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operations } from "../../src/operations/registry.ts";
import { hear, Lab, type Machine, until } from "./lab.ts";
import { without } from "../programs.ts";

const isRoot = process.getuid?.() === 0;
const skipped = isRoot ? without("perl", "setfacl") : " (skipped: needs root, to listen on loopback)";
const noDump = without("gcore");

/** Everything that goes over loopback, as a raw socket of the kernel sees it. */
const CAPTURE = `
socket(my $s, 17, 3, 0x0300) or die "socket $!"; open(my $f, ">", $ARGV[0]) or die; binmode $f;
$| = 1; print "listening\\n"; while (sysread($s, my $m, 65536)) { syswrite $f, $m; }`;

/** A value that nobody else has, in the ways in which it could be written down by mistake. */
class Canary {
  readonly value = `canary-${randomBytes(24).toString("hex")}`;
  readonly #needles: readonly Buffer[];

  constructor() {
    const bytes = Buffer.from(this.value);
    // Base64 of a middle part has three forms, one for each place at which it can begin.
    const base64 = [0, 1, 2].map((skip) =>
      bytes
        .subarray(3 + skip)
        .toString("base64")
        .slice(0, 24),
    );
    const texts = [this.value.slice(7, 39), bytes.toString("hex").slice(14, 60), ...base64];
    this.#needles = [...texts, ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))].map((text) =>
      Buffer.from(text, "latin1"),
    );
  }

  isIn(content: Buffer | string): boolean {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    return this.#needles.some((needle) => bytes.includes(needle));
  }

  /** The files below a directory that have it. */
  below(directory: string): string[] {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => this.isIn(readOrNothing(path)));
  }
}

function readOrNothing(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

describe.skipIf(skipped !== "")(`a secret's value${skipped}`, () => {
  const canary = new Canary();
  let lab: Lab;
  let nas: Machine;
  let web: Machine;
  let mail: Machine;
  let secrets: string;
  let capture: ChildProcess;
  const agents = () => [nas, web, mail].map(({ agentPid }) => agentPid);

  beforeAll(async () => {
    lab = Lab.open();
    secrets = join(lab.root, "secrets");
    capture = spawn("perl", ["-e", CAPTURE, join(lab.root, "capture")], { stdio: ["ignore", "pipe", "inherit"] });
    lab.track(capture.pid);
    await new Promise((ready) => capture.stdout?.once("data", ready));
    const bin = join(lab.root, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "systemctl"), `#!/bin/sh\necho "$*" >>${lab.root}/reloads\nenv >>${lab.root}/reloads\n`);
    chmodSync(join(bin, "systemctl"), 0o755);

    [nas, web, mail] = ["nas-1", "web-1", "mail-1"].map((name) => lab.machine(name)) as [Machine, Machine, Machine];
    // What agents say is kept, and they say everything.
    for (const machine of [nas, web, mail]) {
      const log = join(lab.root, `${machine.name}.log`);
      machine.within = ["env", `PATH=${bin}:${process.env["PATH"]}`, "sh", "-c", `exec "$0" "$@" 2>>${log}`];
      machine.agentFlags = [...machine.agentFlags, "--debug"];
    }
    web.agentFlags = [...web.agentFlags, "--secrets-dir", secrets];
    await nas.found();
    await web.join(await nas.token("--name", "web-1", "--labels", "web"));
    await mail.join(await nas.token("--name", "mail-1", "--labels", "mail"));
    await nas.run(["apply", "-f", "-"], {
      input: `
labels: { web: { secrets: [web/key] } }
secrets: { web/key: { owner: www-data, readers: [nobody], reload: nginx.service } }
`,
    });
    mkdirSync(join(web.home, "templates"));
    writeFileSync(join(web.home, "templates/app.ini"), "key={{ secret web/key }}");
    // First another value, so that the canary is a rotation.
    await nas.run(["secret", "set", "web/key"], { input: "the first one" });
    await until("it is there", () => readOrNothing(join(secrets, "web/key")).toString() === "the first one");
    await nas.run(["secret", "set", "web/key"], { input: canary.value });
    await until("it is in place", () => readOrNothing(join(secrets, "web/key")).toString() === canary.value);
    await until("its service was told", () => readOrNothing(join(lab.root, "reloads")).length > 0);
    // Everybody asks, by every way there is.
    expect((await web.try(["secret", "get", "web/key"])).stdout).toBe(canary.value);
    expect((await web.try(["secret", "exec", "--", "sh", "-c", "echo $LAB_SECRET_WEB_KEY"])).stdout).toContain(
      "canary",
    );
    for (const machine of [nas, mail]) expect((await machine.try(["secret", "get", "web/key"])).exit).not.toBe(0);
    for (const bad of ["web/key/", "web//key", "../web/key", "web/key%00"]) await web.try(["secret", "get", bad]);
  });

  afterAll(async () => {
    await web.killAgent();
    await until("the secrets are gone from memory", () => {
      try {
        execFileSync("umount", [secrets], { stdio: "ignore" });
        return true;
      } catch {
        return !readFileSync("/proc/self/mountinfo", "utf8").includes(` ${secrets} `);
      }
    });
    await lab.close();
  });

  it("is as it is in the files of the machine that may have it, and in no other file of anybody", () => {
    const generation = join(secrets, "..data");
    const found = new Set(canary.below(lab.root).map((path) => realpathSync(path).replace(/\.\.gen-\d+/, "..data")));
    expect([...found].sort()).toEqual([join(generation, "templates.d/app.ini"), join(generation, "web/key")]);
    expect(statSync(join(secrets, "web/key")).uid).toBe(33);
    // That there was something to be found in: logs with everything, a capture, stores with sealed values.
    for (const name of ["nas-1.log", "web-1.log", "capture"]) {
      expect(statSync(join(lab.root, name)).size, name).toBeGreaterThan(1000);
    }
    expect(readFileSync(join(lab.root, "web-1.log"), "utf8")).toContain('"level":"debug"');
  });

  it("is in no answer of the API of any machine", async () => {
    let asked = 0;
    for (const machine of [nas, web, mail]) {
      for (const { method, path, kind } of operations) {
        if (kind === "stream" || (method !== "GET" && path !== "/v1/checks")) continue;
        const filled = path
          .replace(/\{name\}/, "web-1")
          .replace(/\{path\+?\}/, "web/key")
          .replace(/\{\w+\+?\}/, "web");
        const { body } = await machine.ask(method, filled, method === "POST" ? "{}" : undefined);
        expect(canary.isIn(JSON.stringify(body ?? "")), `${machine.name} ${filled}`).toBe(false);
        asked++;
      }
    }
    expect(asked).toBeGreaterThan(60);
  });

  it("is in no command line and no environment", () => {
    for (const pid of agents()) {
      for (const name of ["cmdline", "environ"]) {
        expect(canary.isIn(readOrNothing(`/proc/${pid}/${name}`)), `${pid} ${name}`).toBe(false);
      }
    }
  });

  it("is in no dump of an agent that crashes", () => {
    expect(readFileSync(`/proc/${web.agentPid}/coredump_filter`, "ascii").trim()).toMatch(/^0+$/);
    expect(readFileSync(`/proc/${web.agentPid}/limits`, "ascii")).toMatch(/Max core file size +0 /);
  });

  it.skipIf(noDump !== "")(`is in no dump that gcore makes of an agent${noDump}`, async () => {
    for (const machine of [nas, web]) {
      const dump = join(lab.root, `dump-${machine.name}`);
      const { exit } = await hear(spawn("gcore", ["-o", dump, String(machine.agentPid)], { stdio: "ignore" }));
      expect(exit).toBe(0);
      const path = `${dump}.${machine.agentPid}`;
      expect(existsSync(path)).toBe(true);
      expect(canary.isIn(readFileSync(path)), machine.name).toBe(false);
    }
  });
});
