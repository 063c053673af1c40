import { execFile, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hear, Lab, type Machine, until } from "./lab.ts";
import { without } from "../programs.ts";

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
/** An account that every Debian has. */
const WWW = { name: "www-data", uid: 33 };

const DECLARED = `
labels:
  web: { secrets: [web/tls, web/session-key, web/own, web/shared] }
secrets:
  web/tls: { reload: nginx.service }
  web/own: { owner: ${WWW.name}, group: ${WWW.name}, mode: 0440 }
  web/shared: { readers: [${WWW.name}], reload: nginx.service }
`;

/** A machine of root whose secrets are put into a directory of its own. */
class Delivering {
  readonly lab = Lab.open();
  readonly web: Machine = this.lab.machine("web-1");
  readonly secrets = join(this.lab.root, "secrets");
  readonly reloads = join(this.lab.root, "reloads");
  readonly path: string;

  constructor() {
    // What the agent runs in place of systemctl writes down with what it was run.
    chmodSync(this.lab.root, 0o711);
    const bin = join(this.lab.root, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "systemctl"), `#!/bin/sh\necho "$*" >>${this.reloads}\nenv >>${this.reloads}.env\n`);
    chmodSync(join(bin, "systemctl"), 0o755);
    this.path = `${bin}:${process.env["PATH"] ?? "/usr/bin:/bin"}`;
    this.web.within = ["env", `PATH=${this.path}`];
    this.web.agentFlags = [...this.web.agentFlags, "--secrets-dir", this.secrets];
  }

  read(name: string): string | undefined {
    try {
      return readFileSync(join(this.secrets, name), "utf8");
    } catch {
      return undefined;
    }
  }

  async set(path: string, value: string): Promise<void> {
    await this.web.run(["secret", "set", path], { input: value });
    await until(`${path} is in place`, () => this.read(path) === value);
  }

  reloaded(): string[] {
    return existsSync(this.reloads) ? readFileSync(this.reloads, "utf8").trimEnd().split("\n") : [];
  }

  /** What a power cut does to memory; the kernel lets go of a killed agent's sockets a moment later. */
  async forget(): Promise<void> {
    const isGone = async () => (await run("umount", [this.secrets]).catch(() => null)) !== null;
    await until("the secrets are gone from memory", async () => !isMounted(this.secrets) || isGone());
  }

  async close(): Promise<void> {
    await this.web.killAgent();
    await this.forget();
    await this.lab.close();
  }
}

const asRoot = (...programs: string[]) =>
  isRoot ? without(...programs) : " (skipped: needs root, to mount memory and to give files away)";
const [noLists, noPerl, noNotify] = [asRoot("setfacl"), asRoot("perl"), asRoot("perl", "systemd-notify")];

const isMounted = (path: string) => readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `);

const asWww = (command: string, ...args: string[]) =>
  run("setpriv", ["--reuid", String(WWW.uid), "--regid", String(WWW.uid), "--clear-groups", command, ...args]);

describe.skipIf(noLists !== "")(`secrets in front of a machine's programs${noLists}`, () => {
  let all: Delivering;
  beforeAll(async () => {
    all = new Delivering();
    await all.web.found();
    await all.web.run(["apply", "-f", "-"], { input: DECLARED });
    await all.web.run(["label", "server", "web-1", "web"]);
    for (const path of ["web/tls", "web/session-key", "web/own", "web/shared"]) await all.set(path, `${path} one`);
    // A value is in place a moment before its service hears of it.
    await until("the service was told of both that concern it", () => all.reloaded().length === 2);
  });
  afterAll(() => all.close());

  it("lie in memory that is never swapped, readable for whom they are declared, and for nobody else", async () => {
    const { stdout } = await run("findmnt", ["-no", "FSTYPE,OPTIONS", all.secrets]);
    expect(stdout).toMatch(/^(tmpfs .*noswap|ramfs )/);
    const access = (name: string) => {
      const { uid, gid, mode } = statSync(join(all.secrets, name));
      return [uid, gid, (mode & 0o777).toString(8)];
    };
    expect(access("web/tls")).toEqual([0, 0, "400"]);
    expect(access("web/own")).toEqual([WWW.uid, WWW.uid, "440"]);
    expect((await asWww("cat", join(all.secrets, "web/own"))).stdout).toBe("web/own one");
    await expect(asWww("cat", join(all.secrets, "web/tls"))).rejects.toThrow("Permission denied");
    await expect(asWww("ls", all.secrets)).rejects.toThrow("Permission denied");
  });

  it("have readers besides their owner", async () => {
    expect((await asWww("cat", join(all.secrets, "web/shared"))).stdout).toBe("web/shared one");
    expect(statSync(join(all.secrets, "web/shared")).uid).toBe(0);
  });

  it("tell their service of a change once, without the value in arguments or environment", async () => {
    const before = all.reloaded().length;
    await all.set("web/tls", "web/tls two");
    await until("the service was told", () => all.reloaded().length > before);
    expect(all.reloaded().slice(before)).toEqual(["--no-ask-password try-reload-or-restart -- nginx.service"]);
    expect(readFileSync(`${all.reloads}.env`, "utf8")).not.toContain("web/tls two");
    await all.web.run(["agent", "stop"]);
    // From here on with the rights that its unit leaves it.
    const { within } = all.web;
    all.web.within = ["setpriv", "--bounding-set=-all,+chown", ...within];
    await all.web.startAgent();
    all.web.within = within;
    await all.set("web/session-key", "web/session-key two");
    expect(all.reloaded()).toHaveLength(before + 1);
    expect(statSync(join(all.secrets, "web/own"))).toMatchObject({ uid: WWW.uid });
  });

  it("have a socket for each account, which gives it what is its own and answers alike for everything else", async () => {
    const socket = join(all.secrets, "users.d", `${WWW.uid}.sock`);
    expect(statSync(socket)).toMatchObject({ uid: WWW.uid });
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const get = (path: string) => all.web.try(["secret", "get", path, "--socket", socket]);
    expect((await get("web/own")).stdout).toBe("web/own one");
    expect((await get("web/shared")).stdout).toBe("web/shared one");
    const [others, absent] = [await get("web/tls"), await get("web/tlx")];
    expect([others.exit, absent.exit]).toEqual([4, 4]);
    expect(others.stderr.replace("web/tls", "")).toBe(absent.stderr.replace("web/tlx", ""));
    const { stdout } = await all.web.try(["secret", "cache", "-o", "name", "--socket", socket]);
    expect(stdout).toBe("web/own\nweb/shared\n");
    expect(await all.web.run(["get", "audit"])).toMatch(/uid:33 +secret.read +web\/tls +✗ denied/);
    // As the account itself, whom the kernel lets in there and nowhere else.
    await asWww("test", "-w", socket);
    await expect(asWww("test", "-w", join(all.web.home, "run/secrets.sock"))).rejects.toThrow();
  });

  it.skipIf(noPerl !== "")(`are credentials of units, asked for as systemd asks${noPerl}`, async () => {
    // As systemd does: a stream socket bound to an abstract address that names unit and credential.
    const client = `
use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
bind($s, pack_sockaddr_un("\\0" . "6f2d1a/unit/nginx.service/tls")) or die "bind $!";
connect($s, pack_sockaddr_un($ARGV[0])) or die "connect $!";
local $/; print <$s>;`;
    const socket = join(all.secrets, "credentials.d/web/tls.sock");
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect((await run("perl", ["-e", client, socket])).stdout).toBe("web/tls two");
    await expect(asWww("perl", "-e", client, socket)).rejects.toThrow("connect Permission denied");
  });

  it("fill templates, which follow a rotation and what is written into them", async () => {
    const templates = join(all.web.home, "templates");
    mkdirSync(templates);
    writeFileSync(
      join(templates, "app.ini"),
      `#lab owner: ${WWW.name}\n#lab mode: 0400\n#lab reload: app.service\n[app]\nkey="{{ secret web/session-key | json }}"\n`,
    );
    await all.web.run(["agent", "stop"]);
    await all.web.startAgent();
    const file = "templates.d/app.ini";
    await until("it is made", () => all.read(file) === '[app]\nkey="web/session-key two"\n');
    expect((await asWww("cat", join(all.secrets, file))).stdout).toContain("two");
    await all.web.run(["secret", "set", "web/session-key"], { input: 'a "third" one' });
    await until("it follows", () => all.read(file) === '[app]\nkey="a \\"third\\" one"\n');
    await until("its service was told", () => all.reloaded().at(-1)?.endsWith("app.service") === true);
    writeFileSync(join(templates, "app.ini"), "{{ secret web/tls }}!");
    await until("it follows the template", () => all.read(file) === "web/tls two!");
  });

  it("are what doctor says of them, and what whoever waits for them is told", async () => {
    expect(await all.web.run(["agent", "ready"])).toBe(`5 secrets in ${all.secrets}\n`);
    const { items } = await all.web.json<{ items: { name: string; state: string; detail: string }[] }>("doctor");
    const check = items.find(({ name }) => name === "secrets in place");
    expect(check).toMatchObject({ state: "ok", detail: expect.stringContaining(`5 in ${all.secrets}`) as string });
  });

  it("are gone with the label that gave them, files and sockets", async () => {
    await all.web.run(["label", "server", "web-1", "web-"]);
    await until("the files are gone", () => all.read("web/tls") === undefined && all.read("web/own") === undefined);
    const left = () =>
      ["web", `users.d/${WWW.uid}.sock`, "credentials.d/web"].filter((name) => existsSync(join(all.secrets, name)));
    await until("directory and sockets are gone", () => left().length === 0);
    expect(all.read("web/shared")).toBeUndefined();
    await all.web.run(["label", "server", "web-1", "web"]);
    await until("they are back", () => all.read("web/own") === "web/own one");
  });
});

describe("a machine whose secrets have no place in memory", () => {
  let lab: Lab;
  beforeEach(() => (lab = Lab.open()));
  afterEach(() => lab.close());

  const start = async (...flags: string[]) => {
    const web = lab.machine("web-1");
    await web.run(["init", "--local", "--name", "homelab", "--node", "web-1", "--recovery", "later"]);
    // A directory that holds something already is not mounted over.
    const secrets = join(lab.root, "secrets");
    mkdirSync(secrets);
    writeFileSync(join(secrets, "..keep"), "");
    const agent = web.start(["agent", "--listen", "127.0.0.1:0", "--no-mdns", "--secrets-dir", secrets, ...flags]);
    return { web, agent, secrets };
  };

  it("does not put them on a disk unless it is told to", async ({ skip }) => {
    if (execFileSync("stat", ["-fc", "%T", lab.root], { encoding: "utf8" }).trim() === "tmpfs") skip("/tmp is memory");
    const refused = await hear((await start()).agent);
    expect(refused).toMatchObject({ exit: 1 });
    expect(refused.stderr).toMatch(/lies on a disk(.|\n)*--secrets-on-disk/);
  });

  it("does so when it is told to, and doctor warns", async () => {
    const { web, agent } = await start("--secrets-on-disk");
    const ended = hear(agent, 0);
    await until("it answers", async () => (await web.ask("GET", "/healthz")).status === 200);
    expect(await web.run(["doctor"]).catch(() => "")).toMatch(/secrets in place: 0 in \S+, (on a disk|in memory)/);
    agent.kill("SIGTERM");
    await ended;
  });
});

const noAnalyze = without("systemd-analyze");

describe.skipIf(noAnalyze !== "")(`the units of the agent${noAnalyze}`, () => {
  it("are understood by systemd, and expose little", async () => {
    const lab = Lab.open();
    try {
      const units = join(lab.root, "units");
      const web = lab.machine("web-1");
      await web.run(["agent", "install", "--home", "/var/lib/lab", "--units", units]);
      const files = ["lab-agent.service", "run-secrets.mount"].map((name) => join(units, name));
      expect((await run("systemd-analyze", ["verify", ...files])).stderr).toBe("");
      // A threshold of 20 is an exposure of 2.0; a bare unit has 9.6.
      const judged = run("systemd-analyze", [
        "security",
        "--offline=true",
        "--threshold=20",
        "--no-pager",
        files[0] ?? "",
      ]);
      expect((await judged).stdout).toMatch(/Overall exposure level for lab-agent\.service: [01]\.\d/);
    } finally {
      await lab.close();
    }
  });
});

describe.skipIf(noNotify !== "")(`an agent that is a service${noNotify}`, () => {
  it("has 100 secrets in place within 2 s when it is ready, with every store dead, five times of five", async () => {
    const all = new Delivering();
    try {
      const { lab, web } = all;
      // The agent's own start, without what stands before it for other tests.
      web.within = [];
      const nas = lab.machine("nas-1");
      await nas.found();
      await web.join(await nas.token("--name", "web-1", "--labels", "web"));
      const paths = Array.from({ length: 100 }, (_, i) => `web/key-${i}`);
      await nas.run(["apply", "-f", "-"], { input: `labels: { web: { secrets: [${paths.join(", ")}] } }` });
      await setAll(nas, paths);
      await until("all are in place", () => paths.every((path) => all.read(path) === path));
      await nas.killAgent();
      const boots: { heard: string; tookMs: number }[] = [];
      for (let boot = 1; boot <= 5; boot++) {
        await web.killAgent();
        await all.forget();
        const notify = join(lab.root, `notify-${boot}`);
        const receiver = spawn("perl", ["-e", RECEIVER, notify, all.secrets], { stdio: ["ignore", "pipe", "inherit"] });
        const heard = hear(receiver, 20_000).then(({ stdout }) => ({
          heard: stdout,
          tookMs: performance.now() - began,
        }));
        await until("the receiver listens", () => existsSync(notify));
        const began = performance.now();
        await Promise.all([web.startAgent({ NOTIFY_SOCKET: notify }), heard.then((one) => boots.push(one))]);
      }
      for (const { heard } of boots) {
        expect(heard).toContain("READY=1");
        expect(heard).toContain(`STATUS=100 secrets in ${all.secrets}\n`);
        expect(heard).toContain("in place then: 100");
      }
      expect(boots.map(({ tookMs }) => tookMs).filter((tookMs) => tookMs > 2000)).toEqual([]);

      // The step that the unit of `lab agent install` waits for before it has started (ExecStartPost) says so no earlier.
      await web.killAgent();
      await all.forget();
      const ready = web
        .run(["agent", "ready", "--timeout", "60s"])
        .then((said) => ({ said, inPlace: paths.map((path) => all.read(path)) }));
      await web.startAgent();
      expect(await ready).toEqual({ said: `100 secrets in ${all.secrets}\n`, inPlace: paths });
    } finally {
      await all.close();
    }
  });
});

/** In this process, as a hundred starts of a command would take a minute. */
async function setAll(machine: Machine, paths: readonly string[]): Promise<void> {
  const value = join(machine.home, "value");
  for (const path of paths) {
    writeFileSync(value, path);
    expect(await machine.tryHere(["secret", "set", path, "--from-file", value])).toMatchObject({ exit: 0 });
  }
}

/** Receives until READY=1 and counts in that very moment what a program would find. */
const RECEIVER = `
use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, pack_sockaddr_un($ARGV[0])) or die;
$| = 1; $SIG{ALRM} = sub { die "nothing heard" }; alarm 15;
while (1) {
  recv($s, my $m, 4096, 0); print "$m\\n";
  next unless $m =~ /READY=1/;
  my @f = glob("$ARGV[1]/web/*"); print "in place then: ", scalar(@f), "\\n"; exit 0;
}`;
