import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hear, Lab, type Machine, until } from "./lab.ts";

const LONE_LF = "line one\nline two\n";

describe("a machine with secrets", () => {
  let lab: Lab;
  let web: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    web = lab.machine("web-1");
    await web.found();
    await web.run(["apply", "-f", "-"], {
      input: `
labels: { web: { secrets: [web/tls, web/session-key, web/blob, web/never-set] } }
secrets: { web/session-key: { ttl: 90d } }
`,
    });
    await web.run(["label", "server", "web-1", "web"]);
    await web.run(["secret", "set", "web/tls"], { input: LONE_LF });
    await web.run(["secret", "set", "web/session-key"], { input: "ключ = “ß” $HOME `id`" });
    await until(
      "both are cached",
      async () => (await cached()).filter(({ status }) => status === "fresh").length === 2,
    );
  });

  afterAll(() => lab.close());

  interface Cached {
    readonly path: string;
    readonly status: string;
    readonly refresh: string | null;
  }
  const cached = async () => (await web.json<{ items: readonly Cached[] }>("secret", "cache")).items;
  const exec = (...words: string[]) => web.try(["secret", "exec", ...words]);

  it("says what it has, how old it is and when it is fetched anew, and never a value", async () => {
    const items = await cached();
    expect(items).toMatchObject([
      { path: "web/session-key", status: "fresh" },
      { path: "web/tls", status: "fresh", refresh: null },
    ]);
    expect(Date.parse(items[0]?.refresh ?? "") - Date.now()).toBeGreaterThan(89 * 86_400_000);
    const table = await web.run(["secret", "cache"]);
    expect(table).toMatch(/SECRET +CACHED +FETCHED +TTL +STATUS\n/);
    expect(table).toMatch(/web\/session-key +✓ +\S.* +89 d left +fresh\n/);
    expect(table).toMatch(/web\/tls +✓ +\S.* +no expiry +fresh\n/);
  });

  it("gives them to a command byte for byte, all of them or those that are named", async () => {
    const print = 'printf %s "$LAB_SECRET_WEB_TLS" "$LAB_SECRET_WEB_SESSION_KEY"';
    expect((await exec("--", "sh", "-c", print)).stdout).toBe(`${LONE_LF}ключ = “ß” $HOME \`id\``);
    expect((await exec("-p", "web/tls", "--", "sh", "-c", print)).stdout).toBe(LONE_LF);
  });

  it("hands the command its own arguments, standard input and exit code", async () => {
    const child = web.start(["secret", "exec", "--", "sh", "-c", 'cat; echo "$1" "$2"; exit 42', "sh", "-p", "a  b"], {
      input: "typed in",
    });
    expect(await hear(child)).toMatchObject({ exit: 42, stdout: "typed in-p a  b\n", stderr: "" });
    expect((await exec("--", "sh", "-c", "kill -KILL $$")).exit).toBe(128 + 9);
    expect((await exec("--", "sh", "-c", "exit 7")).exit).toBe(7);
  });

  it.each(["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const)(
    "passes %s on, and waits for the command's own end",
    async (signal) => {
      const script = `trap 'echo got it; exit 5' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
      const child = web.start(["secret", "exec", "--", "sh", "-c", script]);
      const ended = hear(child);
      await new Promise((ready) => child.stdout?.once("data", ready));
      child.kill(signal);
      expect(await ended).toMatchObject({ exit: 5, stdout: "ready\ngot it\n" });
    },
  );

  it("tells its own failures from the command's: 125, 126, 127", async () => {
    const bin = join(lab.root, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "data"), "", { mode: 0o644 });
    for (const [code, words] of [
      [125, ["-p", "web/never-set", "--", "true"]],
      [125, ["-p", "db/password", "--", "true"]],
      [125, ["-p", "../etc", "--", "true"]],
      [125, ["--no-such-flag", "--", "true"]],
      [125, []],
      [126, ["--", join(bin, "data")]],
      [126, ["--", bin]],
      [127, ["--", "no-such-command"]],
      [127, ["--", join(bin, "absent")]],
    ] as const) {
      const { exit, stdout, stderr } = await exec(...words);
      expect({ words, exit, stdout }).toEqual({ words, exit: code, stdout: "" });
      expect(stderr).toMatch(/^error: /m);
    }
  });

  it("puts no value into an environment that could not carry it", async () => {
    await web.run(["secret", "set", "web/blob"], { input: Buffer.from([0x61, 0, 0x62, 0xff]) });
    await until("the blob is cached", async () => (await cached()).some(({ path }) => path === "web/blob"));
    const { exit, stderr } = await exec("--", "true");
    expect({ exit, stderr }).toMatchObject({ exit: 125, stderr: expect.stringContaining('"web/blob" is not text') });
    expect((await exec("-p", "web/tls", "--", "true")).exit).toBe(0);
  });

  it("does both from its home alone, with no agent", async () => {
    await web.run(["agent", "stop"]);
    expect((await exec("-p", "web/tls", "--", "sh", "-c", 'printf %s "$LAB_SECRET_WEB_TLS"')).stdout).toBe(LONE_LF);
    expect((await cached()).map(({ path, status }) => [path, status])).toContainEqual(["web/tls", "fresh"]);
  });
});
