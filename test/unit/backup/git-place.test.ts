import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chunkName, manifestName } from "../../../src/core/backup/place.ts";
import { ascii } from "../../../src/core/bytes.ts";
import { GitPlace } from "../../../src/node/platform/backup/git-place.ts";
import { placeContract } from "../../contracts/place-contract.ts";

let root: string;
let repository: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lab-place-"));
  repository = join(root, "backups.git");
  execFileSync("git", ["init", "--quiet", "--bare", repository]);
});
afterEach(() => rmSync(root, { recursive: true }));

const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
const chunk = { name: chunkName("a".repeat(64)), content: ascii("a") };
const manifest = (number: number) => ({ name: manifestName(number), content: ascii(String(number)) });

placeContract("a branch of a Git repository", async () => ({
  open: async () => new GitPlace(repository, "lab-backup"),
  spoil: async () => rmSync(repository, { recursive: true, force: true }),
  discard: async () => undefined,
}));

describe("a Git repository with backups", () => {
  test("has a commit for each, and leaves other branches and files alone", async () => {
    const work = join(root, "work");
    git("init", "--quiet", work);
    writeFileSync(join(work, "README"), "mine\n");
    const me = ["-c", "user.name=alice", "-c", "user.email=alice@example.com"];
    git("-C", work, "add", "README");
    git("-C", work, ...me, "commit", "--quiet", "-m", "mine");
    git("-C", work, "push", "--quiet", repository, "HEAD:main", "HEAD:lab-backup");
    const place = new GitPlace(repository, "lab-backup");
    await place.list();
    await place.write([chunk], manifest(1));
    await place.list();
    await place.write([], manifest(2));
    await place.close();
    expect(git("-C", repository, "rev-list", "--count", "lab-backup")).toBe("3");
    expect(git("-C", repository, "rev-list", "--count", "main")).toBe("1");
    expect(git("-C", repository, "show", "lab-backup:README")).toBe("mine");
  });

  test("runs no hook of whoever set one, and asks nobody", async () => {
    const hooks = join(root, "hooks");
    execFileSync("mkdir", [hooks]);
    writeFileSync(join(hooks, "pre-push"), `#!/bin/sh\ntouch ${root}/ran\nexit 1\n`, { mode: 0o755 });
    const config = join(root, "gitconfig");
    writeFileSync(config, `[core]\n\thooksPath = ${hooks}\n\tautocrlf = true\n`);
    const before = process.env["GIT_CONFIG_GLOBAL"];
    process.env["GIT_CONFIG_GLOBAL"] = config;
    try {
      const place = new GitPlace(repository, "lab-backup");
      expect(await place.write([{ ...chunk, content: ascii("a\r\nb\n") }], manifest(1))).toBe("written");
      await place.close();
    } finally {
      if (before === undefined) delete process.env["GIT_CONFIG_GLOBAL"];
      else process.env["GIT_CONFIG_GLOBAL"] = before;
    }
    expect(existsSync(join(root, "ran"))).toBe(false);
    const place = new GitPlace(repository, "lab-backup");
    expect(await place.read([chunk.name])).toEqual([ascii("a\r\nb\n")]);
    await place.close();
  });

  test("leaves nothing on this machine", async () => {
    const mine = () => readdirSync(tmpdir()).filter((name) => name.startsWith("lab-git-"));
    const before = mine();
    const place = new GitPlace(repository, "lab-backup");
    await place.write([chunk], manifest(1));
    await place.close();
    expect(mine().filter((name) => !before.includes(name))).toEqual([]);
  });

  test("says what Git says, without the password that the URL carries", async () => {
    const place = new GitPlace("http://alice:hunter2@127.0.0.1:9/mesh.git", "lab-backup");
    const error = await place.list().catch((thrown: unknown) => thrown as Error);
    await place.close();
    expect(String((error as Error).message)).toMatch(/^git:http:\/\/alice:…@127\.0\.0\.1:9\/mesh\.git#lab-backup: /);
    expect(`${JSON.stringify(error)}${(error as Error).stack}`).not.toContain("hunter2");
  });

  test.each([
    ["alice@nas: Permission denied (publickey).", /: alice@nas: Permission denied \(publickey\)\.$/, /a key/],
    ["Host key verification failed.", /: Host key verification failed\.$/, /ssh to that host once/],
    ["ssh: connect to host nas port 22: Connection refused", /Connection refused$/, /does the host answer/],
    ["fatal: '/mesh.git' does not appear to be a git repository", /a git repository$/, /git init --bare/],
  ])("says of %s why it failed and what to do, not what Git advises for everything", async (said, message, hint) => {
    // As ssh and the other end say it; what follows is Git's own.
    const ssh = join(root, "ssh");
    writeFileSync(ssh, `#!/bin/sh\necho ${JSON.stringify(said)} >&2\nexit 255\n`, { mode: 0o755 });
    const before = process.env["GIT_SSH_COMMAND"];
    process.env["GIT_SSH_COMMAND"] = ssh;
    try {
      const place = new GitPlace("ssh://alice@nas/mesh.git", "lab-backup");
      const error = await place.list().catch((thrown: unknown) => thrown);
      await place.close();
      expect(error).toMatchObject({
        message: expect.stringMatching(message),
        facts: { hint: expect.stringMatching(hint) },
      });
    } finally {
      if (before === undefined) delete process.env["GIT_SSH_COMMAND"];
      else process.env["GIT_SSH_COMMAND"] = before;
    }
  });
});
