import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkRecoveryCode } from "../../src/operator/recovery.ts";
import { ACCESS_KEY, type Certificate, S3Server, SECRET_KEY } from "../unit/backup/s3-server.ts";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";

interface ListedBackup {
  readonly number: number;
  readonly state: string;
  readonly entries: number;
  readonly secrets: number;
}

let lab: Lab;
let nas: Machine;
let paper: string;
beforeEach(async () => {
  lab = Lab.open();
  nas = lab.machine("nas-1");
  paper = join(lab.root, "paper.txt");
  await nas.run(["init", "--local", "--name", "attic", "--node", "nas-1", "--recovery", paper]);
  await nas.startAgent();
});
afterEach(() => lab.close());

const value = "opensesame";

/** A secret that machines with the label web may read. */
async function setSecret(): Promise<void> {
  await nas.run(["secret", "set", "web/tls"], { input: value });
  await nas.run(["apply", "-f", "-"], { input: "labels: {web: {secrets: [web/tls]}}" });
}

async function readsSecret(machine: Machine): Promise<void> {
  await until(
    `${machine.name} has the secret`,
    async () => (await machine.try(["secret", "get", "web/tls"])).exit === 0,
  );
  expect(await machine.run(["secret", "get", "web/tls"])).toBe(value);
}

const backupsIn = async (machine: Machine, ...words: string[]) =>
  (await machine.json<{ items: ListedBackup[] }>("backup", "list", ...words)).items;

async function lose(...machines: readonly Machine[]): Promise<void> {
  for (const machine of machines) {
    await machine.killAgent();
    rmSync(machine.home, { recursive: true, force: true });
  }
}

describe("when the only machine has lost its store", () => {
  it("alice restores it while its agent runs: its own audit log goes on, and secrets can be read with the code", async () => {
    const place = `dir:${join(lab.root, "usb")}`;
    await nas.run(["label", "server", "nas-1", "web"]);
    await setSecret();
    await readsSecret(nas);
    await nas.run(["backup", "create", place]);
    await nas.run(["agent", "stop"]);
    for (const part of ["store", "store.tally", "snapshots"]) {
      rmSync(join(nas.home, part), { recursive: true, force: true });
    }
    await nas.startAgent();

    const closed = await nas.try(["backup", "restore", place]);
    expect(closed.stderr).toContain("only the recovery code opens");
    expect(closed.exit).toBe(0);
    await nas.run(["backup", "restore", place, "--code", paper]);
    await readsSecret(nas);
    const told = await nas.run(["status"]);
    expect(told).toContain("1 of 1 online");
    expect(told).not.toContain("histories");
  });
});

describe("when every machine is gone", () => {
  it("alice brings the mesh back from Git with the recovery code alone, secrets and all, and others join again", async () => {
    const repository = join(lab.root, "mesh.git");
    execFileSync("git", ["init", "--quiet", "--bare", repository]);
    const [web, db] = [lab.machine("web-1", "nobody"), lab.machine("db-1", "nobody")];
    await web.join(await nas.token("--name", "web-1", "--labels", "web"));
    await db.join(await nas.token("--name", "db-1", "--labels", "db"));
    await setSecret();
    await readsSecret(web);
    await until("nas-1 has heard of all", async () => (await nas.servers()).length === 3);
    await nas.run(["backup", "create", `git:${repository}`]);
    const stored = execFileSync("git", ["-C", repository, "cat-file", "--batch-all-objects", "--batch"]);
    expect(stored.includes("web/tls")).toBe(true);
    expect(stored.includes(value)).toBe(false);

    await lose(nas, web, db);
    rmSync(nas.config, { recursive: true });

    const nas2 = lab.machine("nas-2", "new-operator");
    const place = `git:${repository}`;
    const restored = await nas2.try([
      "backup",
      "restore",
      place,
      "--node",
      "web-1",
      "--all-gone",
      "--code",
      paper,
      "--yes",
    ]);
    const said = restored.stdout + restored.stderr;
    expect(said).toContain("every signature and every chain is good, and nothing is missing");
    expect(said).toContain("✓ this device is web-1, coordinator and secret-store of mesh attic");
    expect(said).toContain("✓ 1 of 1 secrets can be read again");
    await nas2.startAgent();
    const active = async () => (await nas2.servers()).filter(({ roles }) => roles.length > 0);
    expect((await active()).map(({ name }) => name)).toEqual(["web-1"]);
    await nas2.run(["label", "server", "web-1", "web"]);
    await readsSecret(nas2);

    const next = lab.machine("db-2", "nobody");
    await next.join(await nas2.token("--name", "db-1", "--labels", "web"));
    await readsSecret(next);
    await until("both know the same", async () => (await next.stateHash()) === (await nas2.stateHash()));
    // The next backup continues the series of the machine that is gone.
    await nas2.run(["backup", "create", place]);
    expect((await backupsIn(next, place, "--verify")).map(({ number, state }) => [number, state])).toEqual([
      [2, "whole"],
      [1, "whole"],
    ]);
  });

  it("alice's own key is enough; her newest acts come back from her laptop; the code opens the secrets later", async () => {
    const place = `dir:${join(lab.root, "usb")}`;
    await setSecret();
    await nas.run(["backup", "create", place]);
    await nas.run(["label", "server", "nas-1", "after-the-backup"]);
    await lose(nas);

    const nas2 = lab.machine("nas-2");
    const { stdout, stderr } = await nas2.try(["backup", "restore", place, "--node", "nas-2"]);
    expect(stdout).toContain("✓ this device is nas-2");
    expect(stderr).toContain("only the recovery code opens them");
    await nas2.startAgent();
    const old = (await nas2.servers()).find(({ name }) => name === "nas-1");
    expect(old?.labels).toContain("after-the-backup");
    await nas2.run(["label", "server", "nas-2", "web"]);
    expect((await nas2.try(["secret", "get", "web/tls"])).exit).not.toBe(0);

    const merged = await nas2.run(["backup", "restore", place, "--code", paper]);
    expect(merged).toContain("✓ nas-2 got 0 entries that it did not have");
    expect(merged).toContain("✓ 1 of 1 secrets can be read again");
    await readsSecret(nas2);
  });
});

describe("a recovery code that is not the one on the paper", () => {
  it("is found out by its own check or by the mesh, is not repeated, and leaves backup and machine as they were", async () => {
    const place = `dir:${join(lab.root, "usb")}`;
    await setSecret();
    await nas.run(["backup", "create", place]);
    await lose(nas);
    const words = (readFileSync(paper, "utf8").split("\n").at(-2) ?? "").split(" ");
    const [first = "", second = "", ...rest] = words;
    const other = lab.machine("other", "other-operator");
    const otherPaper = join(lab.root, "other.txt");
    await other.run(["init", "--local", "--node", "other", "--recovery", otherPaper]);
    const rescue = lab.machine("rescue", "new-operator");
    const restore = async (code: string, exit: number, why: RegExp) => {
      const file = join(lab.root, "typed.txt");
      writeFileSync(file, code);
      const heard = await rescue.try([
        "backup",
        "restore",
        place,
        "--node",
        "nas-1",
        "--all-gone",
        "--code",
        file,
        "--yes",
      ]);
      expect(heard.stderr).toMatch(why);
      expect(heard.exit).toBe(exit);
      // Of the words on the list these follow each other in what is said anyway.
      const said = (heard.stdout + heard.stderr).replaceAll(/another one|this mesh/g, "");
      // No two words that follow each other on the paper.
      for (const [i, word] of words.slice(1).entries())
        expect(said).not.toMatch(new RegExp(`\\b${words[i]} ${word}\\b`));
      expect(existsSync(join(rescue.home, "home.json"))).toBe(false);
    };
    // One in sixteen of such slips gives a code that belongs together, and is another one; of ten, not all.
    const slips = rest.map((_, i) =>
      words
        .with(i, words[i + 1] ?? "")
        .with(i + 1, words[i] ?? "")
        .join(" "),
    );
    const told = slips.find((code) => checkRecoveryCode(code).problem !== null) ?? "";
    await restore(
      told,
      2,
      /not a recovery code: the words do not belong together: one is another one, or two changed places/,
    );
    await restore([`${first}x`, second, ...rest].join(" "), 2, /not a recovery code: word 1 is not on the list/);
    await restore(words.slice(1).join(" "), 2, /not a recovery code: a recovery code has 12 words, not 11/);
    await restore(
      readFileSync(otherPaper, "utf8").split("\n").at(-2) ?? "",
      4,
      /this is not the recovery code of mesh attic/,
    );
    await rescue.run(["backup", "restore", place, "--node", "nas-1", "--all-gone", "--code", paper, "--yes"]);
    await rescue.startAgent();
    await rescue.run(["label", "server", "nas-1", "web"]);
    await readsSecret(rescue);
  });
});

describe("when one machine is left", () => {
  it("hears of the restored one by the next backup, and loses nothing that only it knew", async () => {
    const place = `dir:${join(lab.root, "usb")}`;
    const web = lab.machine("web-1");
    await web.join(await nas.token("--name", "web-1"));
    await nas.run(["backup", "create", place]);
    await lose(nas);
    // Nobody but web-1 hears of this.
    await web.run(["label", "server", "web-1", "only-here"]);

    const nas2 = lab.machine("nas-2", "new-operator");
    const words = ["backup", "restore", place, "--node", "nas-2", "--gone", "nas-1", "--code", paper, "--yes"];
    const { exit, stderr } = await nas2.try(words);
    expect(exit, stderr).toBe(0);
    expect(stderr).toContain(`lab backup restore ${place}   # on web-1: this machine is a stranger there until then`);
    await nas2.startAgent();
    await nas2.run(["backup", "create", place]);
    expect(await web.run(["backup", "restore", place])).toMatch(/✓ web-1 got \d+ entries that it did not have/);
    await until("both know the same", async () => (await web.stateHash()) === (await nas2.stateHash()));
    // What alice's old key signed after the backup came too late to count, and is not gone: it can be adopted.
    expect(await web.run(["audit", "adopt"])).toContain("only-here");
  });
});

describe("a backup or a restoration that is interrupted", () => {
  it("leaves what was there whole, wherever it is, and the next one succeeds", async () => {
    const repository = join(lab.root, "mesh.git");
    execFileSync("git", ["init", "--quiet", "--bare", repository]);
    for (const place of [`dir:${join(lab.root, "usb")}`, `git:${repository}`]) {
      for (const afterMs of [60, 120, 160, 200, 250, 320]) {
        const child = nas.start(["backup", "create", place]);
        await sleep(afterMs);
        child.kill("SIGKILL");
      }
      const found = (await nas.try(["backup", "list", place, "--verify", "-o", "json"])).stdout;
      const { items } = JSON.parse(found) as { items: ListedBackup[] };
      expect(items.filter(({ state }) => state !== "whole")).toEqual([]);
      await nas.run(["backup", "create", place]);
      expect((await backupsIn(nas, place, "--verify"))[0]?.state).toBe("whole");
    }
    const place = `git:${repository}`;
    const rescue = lab.machine("rescue", "rescue-operator");
    for (const afterMs of [150, 300, 400, 500, 600]) {
      if (existsSync(join(rescue.home, "home.json"))) break;
      const child = rescue.start(["backup", "restore", place, "--code", paper, "--node", "rescue"]);
      await sleep(afterMs);
      child.kill("SIGKILL");
    }
    if (!existsSync(join(rescue.home, "home.json"))) {
      const again = await rescue.try(["backup", "restore", place, "--code", paper, "--node", "rescue"]);
      expect(again.exit, again.stderr).toBe(0);
    }
    await rescue.startAgent();
    expect((await rescue.servers()).map(({ name }) => name).sort()).toEqual(["nas-1", "rescue"]);
    await rescue.run(["label", "server", "rescue", "web"]);
  });
});

describe("a backup that is not to be trusted", () => {
  it("is refused before anything is written, in words, and with the exit codes of the contract", async () => {
    const usb = join(lab.root, "usb");
    const place = `dir:${usb}`;
    await nas.run(["backup", "create", place]);
    await nas.run(["label", "server", "nas-1", "web"]);
    await nas.run(["backup", "create", place]);
    const rescue = lab.machine("rescue", "rescue-operator");
    const restore = (...words: string[]) => rescue.try(["backup", "restore", place, "--code", paper, ...words]);

    const newest = join(usb, "manifests/0000000002.json");
    const whole = readFileSync(newest);
    writeFileSync(newest, readFileSync(join(usb, "manifests/0000000001.json")));
    expectRefusal(await restore(), 4, /in the place of backup 2 lies backup 1/);
    writeFileSync(newest, whole.toString().replace('"meshName": "attic"', '"meshName": "cellar"'));
    expectRefusal(await restore(), 4, /the signature of backup 2 is wrong/);
    writeFileSync(newest, whole.subarray(0, 300));
    expectRefusal(await restore(), 1, /backup 2 is damaged/);
    rmSync(newest);
    expectRefusal(await nas.try(["backup", "create", place]), 4, /was turned back: it ends with backup 1/);
    writeFileSync(newest, whole);

    const { chunks } = JSON.parse(whole.toString()) as { chunks: { hash: string }[] };
    const chunk = join(usb, "chunks", chunks[0]?.hash.slice(0, 2) ?? "", chunks[0]?.hash ?? "");
    const content = readFileSync(chunk);
    const flipped = Buffer.from(content);
    flipped[200] = (flipped[200] as number) ^ 1;
    writeFileSync(chunk, flipped);
    expectRefusal(await restore(), 1, /backup 2 is damaged: 1 of \d+ chunks/);
    expect((await rescue.try(["backup", "list", place, "--verify"])).exit).toBe(1);
    writeFileSync(chunk, content);
    expectRefusal(await restore("--number", "7"), 5, /there is no backup 7/);

    const other = lab.machine("other-1", "bob");
    const otherPaper = join(lab.root, "other.txt");
    await other.run(["init", "--local", "--name", "cellar", "--node", "other-1", "--recovery", otherPaper]);
    expectRefusal(
      await rescue.try(["backup", "restore", place, "--code", otherPaper]),
      4,
      /not the recovery code of mesh attic/,
    );
    expectRefusal(await other.try(["backup", "restore", place]), 4, /backup of another mesh/);
    expect(existsSync(rescue.home)).toBe(false);
    expect(existsSync(join(rescue.config, "operators"))).toBe(false);
    expect((await restore("--node", "rescue")).exit).toBe(0);
  });

  it("tells alice that a name is taken, and asks before it cuts", async () => {
    const place = `dir:${join(lab.root, "usb")}`;
    await nas.run(["backup", "create", place]);
    const rescue = lab.machine("rescue", "rescue-operator");
    const restore = (...words: string[]) => rescue.try(["backup", "restore", place, "--code", paper, ...words]);
    expectRefusal(await restore("--node", "nas-1"), 2, /a server "nas-1" is a member/);
    expectRefusal(await restore("--node", "nas-1", "--gone", "nas-1"), 2, /Remove nas-1 for ever\?/);
    expectRefusal(await restore("--gone", "nas-9"), 5, /server "nas-9" does not exist/);
    expect(existsSync(rescue.home)).toBe(false);
    expect((await restore("--node", "nas-1", "--gone", "nas-1", "--yes")).exit).toBe(0);
  });
});

/** Signed by an authority of its own, whose certificate is `ca.pem`. */
function certificateFor(address: string): Certificate {
  const at = (name: string) => join(lab.root, name);
  const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...newKey, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-subj", "/CN=attic authority");
  openssl("req", ...newKey, "-keyout", at("s3.key"), "-out", at("s3.csr"), "-subj", "/CN=s3");
  writeFileSync(at("s3.ext"), `subjectAltName=IP:${address}\n`);
  const signed = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-extfile", at("s3.ext")];
  openssl("x509", "-req", "-in", at("s3.csr"), ...signed, "-out", at("s3.pem"));
  return { key: readFileSync(at("s3.key"), "utf8"), cert: readFileSync(at("s3.pem"), "utf8") };
}

describe("an agent that is told to make backups", () => {
  it("makes them by itself, and says what is wrong when it cannot", async () => {
    const directory = join(lab.root, "usb");
    await setSecret();
    await nas.killAgent();
    const plain = nas.agentFlags;
    nas.agentFlags = [...plain, "--backup", `dir:${directory}`, "--backup-every", "1d", "--backup-keep", "3"];
    await nas.startAgent();
    await until("there is a backup", async () => (await backupsIn(nas, `dir:${directory}`)).length === 1, {
      withinMs: 40_000,
    });
    expect(await backupsIn(nas, `dir:${directory}`, "--verify")).toMatchObject([
      { number: 1, state: "whole", secrets: 1 },
    ]);
    await until("it is noted", async () => (await nas.run(["get", "backups", "-o", "name"])) === `dir:${directory}\n`);
    await nas.killAgent();
    writeFileSync(join(lab.root, "file"), "");
    nas.agentFlags = [...plain, "--backup", `dir:${join(lab.root, "file")}`];
    await nas.startAgent();
    await until("it says so", async () => /no backup can be made/.test(await nas.run(["status"])), {
      withinMs: 40_000,
    });
    nas.agentFlags = [...plain, "--backup-keep", "3"];
    await nas.killAgent();
    expectRefusal(await nas.try(["agent", ...nas.agentFlags]), 2, /backups are made to a place/);
  });
});

describe("a member", () => {
  it("takes from an old backup what it lacks and keeps what is newer, with its agent running or not", async () => {
    const place = `dir:${join(lab.root, "usb")}`;
    await nas.run(["label", "server", "nas-1", "old"]);
    await nas.run(["backup", "create", place]);
    await nas.run(["label", "server", "nas-1", "new"]);
    const before = await nas.stateHash();
    expect(await nas.run(["backup", "restore", place])).toContain("got 0 entries that it did not have");
    expect(await nas.stateHash()).toBe(before);
    await nas.killAgent();
    expect(await nas.run(["backup", "restore", place])).toContain("got 0 entries that it did not have");
    await nas.startAgent();
    expect((await nas.servers())[0]?.labels).toEqual(expect.arrayContaining(["new", "old"]));
  });

  it("that is no secret-store says that the secrets are not in its backup", async () => {
    await setSecret();
    const web = lab.machine("web-1", "nobody");
    await web.join(await nas.token("--name", "web-1"));
    await until("web-1 has heard of the secret", async () => (await web.run(["get", "secrets", "-o", "name"])) !== "");
    const { exit, stderr } = await web.try(["backup", "create", `dir:${join(lab.root, "usb")}`]);
    expect(exit).toBe(0);
    expect(stderr).toContain("the one secret of this mesh is not in this backup");
    const [, other] = [nas, web];
    expectRefusal(await other.try(["--peer", "nas-1", "backup", "create", "dir:x"]), 4, /on the machine itself/);
  });

  it("backs up to a bucket over TLS, of a server whose authority it was told of, and to no other", async () => {
    const server = await S3Server.start(certificateFor("127.0.0.1"));
    try {
      const credentials = {
        AWS_ACCESS_KEY_ID: ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY: SECRET_KEY,
        AWS_REGION: server.region,
      };
      const place = `s3:${server.endpoint}/attic/mesh`;
      const distrusted = await nas.try(["backup", "create", place], { env: credentials });
      expect([distrusted.exit === 0, server.requests]).toEqual([false, []]);
      expect(distrusted.stderr).toMatch(/certificate/);
      const env = { ...credentials, NODE_EXTRA_CA_CERTS: join(lab.root, "ca.pem") };
      const created = await nas.try(["backup", "create", place], { env });
      expect(created.exit, created.stderr).toBe(0);
      expect((await nas.try(["backup", "list", place, "--verify"], { env })).stdout).toMatch(/^1 .* ✓ whole\s*$/m);
    } finally {
      await server.stop();
    }
  });

  it("backs up to a bucket, where every machine hears of it, and the key is nowhere", async () => {
    const server = await S3Server.start();
    try {
      const env = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY, AWS_REGION: server.region };
      const place = `s3:${server.endpoint}/attic/mesh`;
      const created = await nas.try(["backup", "create", place], { env });
      expect(created.exit, created.stderr).toBe(0);
      await nas.run(["backup", "create", place, "--keep", "1"], { env });
      const { stdout } = await nas.try(["backup", "list", place, "--verify"], { env });
      expect(stdout).toMatch(/^2 .* ✓ whole\s*$/m);
      expect(stdout).not.toMatch(/^1 /m);
      expect(await nas.run(["get", "backups", "-o", "name"])).toBe(`${place}\n`);
      const all = JSON.stringify(await nas.json("get", "audit")) + created.stdout + created.stderr;
      expect(all).toContain(place);
      expect(all).not.toContain(SECRET_KEY);
      const rescue = lab.machine("rescue", "rescue-operator");
      const restored = await rescue.try(["backup", "restore", place, "--code", paper, "--node", "rescue"], { env });
      expect(restored.exit, restored.stderr).toBe(0);
      expect(readdirSync(rescue.home)).toContain("home.json");
    } finally {
      await server.stop();
    }
  });
});
