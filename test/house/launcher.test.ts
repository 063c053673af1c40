import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const launcher = join(import.meta.dirname, "../../bin/lab");

describe("bin/lab", () => {
  let home: string;
  let checkout: string;

  beforeEach(() => {
    home = realpathSync(mkdtempSync(join(tmpdir(), "lab launcher ")));
    checkout = join(home, "check out");
    for (const folder of ["bin", "dist", "node_modules/node/bin"])
      mkdirSync(join(checkout, folder), { recursive: true });
    copyFileSync(launcher, join(checkout, "bin/lab"));
    script(
      "check out/node_modules/node/bin/node",
      'while [ "${1#-}" != "$1" ]; do shift; done; echo "pinned $(cd "${1%/*}" && pwd -P)"; shift; printf "%s\\n" "$@"',
    );
    script("node", "echo wrong node");
    writeFileSync(join(checkout, "dist/lab.cjs"), "");
  });

  afterEach(() => rmSync(home, { recursive: true, force: true }));

  function script(path: string, body: string): void {
    writeFileSync(join(home, path), `#!/bin/sh\n${body}\n`);
    chmodSync(join(home, path), 0o755);
  }

  function run(command: string, ...args: string[]) {
    return spawnSync(command, args, { cwd: home, encoding: "utf8", env: { PATH: `${home}:/usr/bin:/bin` } });
  }

  const started = (...args: string[]) => `${[`pinned ${join(checkout, "dist")}`, ...args].join("\n")}\n`;

  it("starts the bundle on the node that came with the project, whatever the path offers", () => {
    expect(run(join(checkout, "bin/lab"), "get", "servers", "").stdout).toBe(started("get", "servers", ""));
  });

  it("runs from any directory, by a relative path and by name", () => {
    expect(run("check out/bin/lab", "status").stdout).toBe(started("status"));
    expect(run("sh", "-c", 'cd "check out/bin" && sh lab status').stdout).toBe(started("status"));
    expect(run("sh", "-c", 'PATH="$PWD/check out/bin:$PATH" lab status').stdout).toBe(started("status"));
  });

  it("follows absolute, relative and chained symlinks to its checkout", () => {
    symlinkSync(join(checkout, "bin/lab"), join(home, "absolute"));
    symlinkSync("check out/bin/lab", join(home, "relative"));
    mkdirSync(join(home, "links"));
    symlinkSync("../relative", join(home, "links/chained"));
    for (const link of ["absolute", "relative", "links/chained"]) {
      expect(run(join(home, link), "status").stdout, link).toBe(started("status"));
    }
  });

  it.each(["dist/lab.cjs", "node_modules/node/bin/node"])("says what to do when %s is missing", (path) => {
    rmSync(join(checkout, path));
    const { status, stdout, stderr } = run(join(checkout, "bin/lab"), "status");
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: "",
      stderr: "error: lab is not installed in this checkout\nhint: npm ci\n",
    });
  });
});
