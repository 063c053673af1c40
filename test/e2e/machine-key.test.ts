import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectRefusal, killHard, Lab, type Machine, until } from "./lab.ts";
import { without } from "../programs.ts";

const VALUE = "what the disk must not tell";

/** A TPM in software, with a state of its own, on loopback. */
class Tpm {
  readonly device: string;
  readonly #process: ChildProcess;

  private constructor(device: string, process: ChildProcess) {
    this.device = device;
    this.#process = process;
  }

  static async start(lab: Lab, name: string): Promise<Tpm> {
    const state = join(lab.root, name);
    mkdirSync(state);
    const port = await freePortPair();
    const server = (kind: string, at: number) => [kind, `type=tcp,port=${at},bindaddr=127.0.0.1`];
    const daemon = spawn(
      "swtpm",
      [
        ...["socket", "--tpm2", "--tpmstate", `dir=${state}`, "--flags", "not-need-init,startup-clear"],
        ...[...server("--server", port), ...server("--ctrl", port + 1)],
      ],
      { stdio: "ignore" },
    );
    lab.track(daemon.pid);
    const tpm = new Tpm(`swtpm:host=127.0.0.1,port=${port}`, daemon);
    await until("the TPM answers", () => tpm.#answers());
    return tpm;
  }

  /** What a resource manager does: without one, a program's sessions stay when it has ended. */
  makeRoom(): void {
    for (const kind of ["-l", "-s", "-t"]) {
      const env = { ...process.env, TPM2TOOLS_TCTI: this.device };
      execFileSync("tpm2_flushcontext", [kind], { stdio: "ignore", env });
    }
  }

  stop(): void {
    if (this.#process.pid !== undefined) killHard(this.#process.pid);
  }

  #answers(): boolean {
    try {
      const env = { ...process.env, TPM2TOOLS_TCTI: this.device };
      execFileSync("tpm2_getrandom", ["--hex", "4"], { stdio: "ignore", env });
      return true;
    } catch {
      return false;
    }
  }
}

/** The tools look for the control channel one port above. */
async function freePortPair(): Promise<number> {
  for (;;) {
    const port = await listenOnce(0);
    if (port !== null && (await listenOnce(port + 1)) !== null) return port;
  }
}

/** The port, free again; null if it is taken. */
function listenOnce(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => {
      const { port: found } = server.address() as { port: number };
      server.close(() => resolve(found));
    });
  });
}

const keyText = (machine: Machine) =>
  readdirSync(join(machine.home, "keys"))
    .map((name) => readFileSync(join(machine.home, "keys", name), "latin1"))
    .join("\n");

describe("the keys of a home", () => {
  let lab: Lab;
  let web: Machine;
  beforeEach(async () => {
    lab = Lab.open();
    web = lab.machine("web-1");
    await web.found();
    await web.run(["apply", "-f", "-"], { input: 'labels: { "*": { secrets: [web/tls] } }' });
    await web.run(["secret", "set", "web/tls"], { input: VALUE });
    await until("it is cached", async () => (await web.try(["secret", "get", "web/tls"])).stdout === VALUE);
  });
  afterEach(() => lab.close());

  /** What a thief has: the files of the home, in another machine. */
  const copyOfDisk = (): Machine => {
    const stolen = lab.machine("stolen");
    rmSync(stolen.home, { recursive: true, force: true });
    cpSync(web.home, stolen.home, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    return stolen;
  };

  async function opensAsBefore(): Promise<void> {
    expect((await web.try(["secret", "get", "web/tls"])).stdout).toBe(VALUE);
    await web.startAgent();
    expect((await web.try(["secret", "get", "web/tls"])).stdout).toBe(VALUE);
    expect((await web.servers()).map(({ name }) => name)).toEqual(["web-1"]);
    await web.run(["agent", "stop"]);
  }

  it.skipIf(without("swtpm", "tpm2_unseal") !== "")(
    `sealed by a TPM are useless on a disk in another machine${without("swtpm", "tpm2_unseal")}`,
    async () => {
      const tpm = await Tpm.start(lab, "tpm");
      const before = keyText(web);
      expectRefusal(await web.try(["identity", "seal", "--tpm2-device", tpm.device]), 1, /its agent runs/);
      await web.run(["agent", "stop"]);
      expect(await web.run(["identity", "seal", "--tpm2-device", tpm.device])).toBe(
        "✓ the keys are sealed with tpm2\n",
      );
      for (const key of before.match(/AGE-SECRET-KEY-1\S+|^[0-9a-f]{64}$/gm) ?? []) {
        expect(keyText(web)).not.toContain(key);
      }
      await opensAsBefore();
      expect((await web.try(["doctor"])).stdout).toMatch(/✓ machine key: sealed by this machine's TPM \(tpm2\)/);

      // Sealed again, and files again: each opens with what the one before left.
      await web.run(["identity", "seal", "--tpm2-device", tpm.device]);
      const stolen = copyOfDisk();
      await web.run(["identity", "seal", "--with", "file"]);
      await opensAsBefore();

      const other = await Tpm.start(lab, "other-tpm");
      tpm.stop();
      const file = join(stolen.home, "keys/machine.key");
      execFileSync("sed", ["-i", `s/^device: .*/device: ${other.device}/`, file]);
      expectRefusal(await stolen.try(["secret", "get", "web/tls"]), 4, /machine key cannot be opened here/);
      expectRefusal(await stolen.try(["agent", ...stolen.agentFlags]), 4, /machine key cannot be opened here/);
      // With no TPM at all it is the same.
      other.stop();
      expectRefusal(await stolen.try(["secret", "get", "web/tls"]), 4, /machine key cannot be opened here/);
    },
  );

  it.skipIf(without("swtpm", "systemd-creds") !== "")(
    `sealed by systemd-creds with a TPM are useless on a disk in another machine${without("swtpm", "systemd-creds")}`,
    async () => {
      const tpm = await Tpm.start(lab, "tpm");
      await web.run(["agent", "stop"]);
      await web.run(["identity", "seal", "--with", "systemd-creds", "--tpm2-device", tpm.device]);
      tpm.makeRoom();
      expect((await web.try(["secret", "get", "web/tls"])).stdout).toBe(VALUE);
      tpm.makeRoom();
      expect((await web.try(["doctor"])).stdout).toMatch(/✓ machine key: sealed by this machine's TPM/);
      const stolen = copyOfDisk();
      const other = await Tpm.start(lab, "other-tpm");
      tpm.stop();
      execFileSync("sed", ["-i", `s/^device: .*/device: ${other.device}/`, join(stolen.home, "keys/machine.key")]);
      expectRefusal(await stolen.try(["secret", "get", "web/tls"]), 4, /machine key cannot be opened here/);
    },
  );

  it("that were altered are refused, sealed or not", async () => {
    await web.run(["agent", "stop"]);
    const file = join(web.home, "keys/machine.key");
    execFileSync("sed", ["-i", "s/^..../zzzz/", file]);
    expectRefusal(await web.try(["agent", ...web.agentFlags]), 2, /keys in .* are damaged or incomplete/);
  });
});
