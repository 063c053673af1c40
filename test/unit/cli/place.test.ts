import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readContexts, registerContext, removeContext, writeContexts } from "../../../src/cli/connection/contexts.ts";
import { runDirectoryName } from "../../../src/core/run-directory.ts";
import { findPlace, type PlaceWishes, socketsOf } from "../../../src/cli/connection/place.ts";

describe("the place that a command means", () => {
  let user: string;
  const nothing: PlaceWishes = { home: undefined, socket: undefined, context: undefined };
  const find = (wishes: Partial<PlaceWishes> = {}, env: Record<string, string> = {}, uid = 1000) =>
    findPlace({ ...nothing, ...wishes }, { env: { HOME: user, ...env }, cwd: "/work", uid });

  beforeEach(() => {
    user = mkdtempSync(join(tmpdir(), "lab-place-"));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(user, { recursive: true, force: true });
  });

  it("is the daemon's home for root and the user's own state otherwise", () => {
    expect(find({}, {}, 0).home).toBe("/var/lib/lab");
    mkdirSync(join(user, ".local/state/lab"), { recursive: true });
    expect(find()).toMatchObject({ home: join(user, ".local/state/lab"), configDir: join(user, ".config/lab") });
    expect(find({}, { XDG_STATE_HOME: "/s", XDG_CONFIG_HOME: "/c" })).toMatchObject({
      newHome: "/s/lab",
      configDir: "/c/lab",
    });
  });

  it("is decided by flag, context flag, environment, current context, in this order", () => {
    const configDir = join(user, "cfg");
    writeContexts(configDir, {
      current: "attic",
      contexts: { attic: { home: "/attic" }, demo: { home: "/demo", operator: "/demo/alice" } },
    });
    const env = { LAB_CONFIG: configDir };
    expect(find({}, env)).toMatchObject({ home: "/attic", context: "attic", operatorDir: configDir });
    expect(find({}, { ...env, LAB_HOME: "/env" })).toMatchObject({ home: "/env", newHome: "/env", context: undefined });
    expect(find({ context: "demo" }, { ...env, LAB_HOME: "/env" })).toMatchObject({
      home: "/demo",
      operatorDir: "/demo/alice",
      context: "demo",
    });
    expect(find({ home: "here" }, { ...env, LAB_HOME: "/env" })).toMatchObject({ home: "/work/here" });
    expect(find({ socket: "a.sock" }, env)).toMatchObject({ home: undefined, socket: "/work/a.sock" });
  });

  it("names the nearest context of an unknown one", () => {
    registerContext(join(user, ".config/lab"), "demo", { home: "/demo" });
    expect(() => find({ context: "demp" })).toThrow('context "demp" does not exist');
  });

  it("finds the socket of a long home through the pointer in it", () => {
    const home = join(user, "h");
    mkdirSync(join(home, "run"), { recursive: true });
    expect(socketsOf(home, "agent")).toEqual([join(home, "run/agent.sock")]);
    writeFileSync(join(home, "run/socket"), "/run/user/1000/lab-3f.sock\n");
    expect(socketsOf(home, "agent")).toEqual(["/run/user/1000/lab-3f.sock"]);
    expect(socketsOf(home, "secrets")).toEqual([join(home, "run/secrets.sock")]);
  });

  it("finds the socket of a read-only home in its owner's directory, and in nobody else's", () => {
    const home = join(user, "h");
    mkdirSync(home);
    const { uid, dev, ino } = statSync(home);
    vi.stubEnv("XDG_RUNTIME_DIR", user);
    const directory = join(user, runDirectoryName({ uid, dev, ino }));
    mkdirSync(directory, { mode: 0o700 });
    expect(socketsOf(home, "agent")).toEqual([join(home, "run/agent.sock"), join(directory, "agent.sock")]);
    rmSync(directory, { recursive: true });
    symlinkSync(home, directory);
    expect(socketsOf(home, "agent")).toEqual([join(home, "run/agent.sock")]);
  });
});

describe("contexts", () => {
  let dir: string;
  beforeEach(() => {
    dir = join(mkdtempSync(join(tmpdir(), "lab-contexts-")), "lab");
  });
  afterEach(() => rmSync(join(dir, ".."), { recursive: true, force: true }));

  it("come and go without touching the current one", () => {
    expect(readContexts(dir)).toEqual({ current: null, contexts: {} });
    registerContext(dir, "attic", { home: "/a" });
    writeContexts(dir, { ...readContexts(dir), current: "attic" });
    registerContext(dir, "demo", { home: "/d" });
    expect(readContexts(dir)).toEqual({ current: "attic", contexts: { attic: { home: "/a" }, demo: { home: "/d" } } });
    removeContext(dir, "demo");
    expect(readContexts(dir).current).toBe("attic");
    removeContext(dir, "attic");
    expect(readContexts(dir)).toEqual({ current: null, contexts: {} });
  });

  it("are the user's alone", () => {
    registerContext(dir, "demo", { home: "/d" });
    expect(statSync(join(dir, "contexts.json")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dir, "contexts.json"), "utf8").endsWith("}\n")).toBe(true);
  });

  it("that are not JSON are an error that names the file", () => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "contexts.json"), "{");
    expect(() => readContexts(dir)).toThrow("contexts.json is not JSON");
  });
});
