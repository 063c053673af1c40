import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SimDisk } from "../../../sim/disk.ts";
import type { Disk } from "../../../src/core/ports/disk.ts";
import { SealBrokenError } from "../../../src/core/errors.ts";
import { Secret } from "../../../src/core/secret.ts";
import { systemFileTree } from "../../../src/node/platform/file-tree.ts";
import { AgeDirectory } from "../../../src/roles/secret-store/age-directory.ts";
import { Dataset } from "../../../src/roles/secret-store/dataset.ts";
import { type BackendUnderTest, BackendWorld, secretBackendContract } from "../../contracts/secret-backend-contract.ts";
import { without } from "../../programs.ts";
import { stepping } from "../delivery/failing-files.ts";

let top: string;
let count = 0;
beforeAll(() => (top = mkdtempSync(join(tmpdir(), "lab-backends-"))));
afterAll(() => rmSync(top, { recursive: true, force: true }));

/** From its n-th step on nothing has an effect any more, as when a process was killed. */
class Mortal {
  #steps = 0;
  #lastStep = Number.POSITIVE_INFINITY;

  dieAt(n: number): () => number {
    this.#steps = 0;
    this.#lastStep = n - 1;
    return () => this.#steps;
  }

  readonly step = (): void => {
    if (++this.#steps > this.#lastStep) throw new Error("this process was killed");
  };
}

secretBackendContract("the mesh's dataset", async (world) => {
  const disk = new SimDisk({ random: world.random });
  const mortal = new Mortal();
  const change = async (make: () => Promise<void>): Promise<void> => {
    mortal.step();
    await make();
    mortal.step();
  };
  const guarded: Disk = {
    append: (batch, sync) => change(() => disk.append(batch, sync)),
    remove: (keys, sync) => change(() => disk.remove(keys, sync)),
    read: (key) => disk.read(key),
    scan: (prefix, within) => disk.scan(prefix, within),
    count: (prefix) => disk.count(prefix),
    close: () => disk.close(),
  };
  const open = (on: Disk) => {
    const { clock, keys, log, mesh, random, seal } = world;
    return new Dataset({ clock, disk: on, keys, log, mesh, random, seal }, () => world.recipients(world.stores));
  };
  return {
    backend: open(guarded),
    readers: () => world.stores,
    reopen: async () => open(disk),
    contents: async () => (await disk.scan("")).flatMap(({ key, value }) => [Buffer.from(key), value]),
    full: (state) => (disk.full = state === "full"),
    dieAt: (n) => mortal.dieAt(n),
    damage: async () => {
      for (const { key, value } of await disk.scan("")) {
        await disk.append([{ key, value: value.subarray(0, value.length / 2) }], true);
      }
    },
  };
});

interface Directory extends BackendUnderTest {
  readonly root: string;
}

function ageDirectory(world: BackendWorld, root = join(top, String(++count))): Directory {
  const mortal = new Mortal();
  let space: "full" | "space" = "space";
  const calls = stepping(fs, (call) => {
    mortal.step();
    if (space === "full" && (call === "write" || call === "mkdir")) {
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    }
  });
  const readers = (path: string) => [...world.stores, ...(world.entitled.get(path) ?? [])];
  const open = (files: typeof calls | undefined) =>
    new AgeDirectory({
      context: world,
      tree: systemFileTree(root, files),
      readers: (path) => world.recipients(readers(path)),
      giving: async () => {},
    });
  const files = () =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
  return {
    root,
    backend: open(calls),
    readers,
    reopen: async () => open(undefined),
    contents: async () => files().map((name) => readFileSync(name)),
    full: (state) => (space = state),
    dieAt: (n) => mortal.dieAt(n),
    damage: async () => {
      for (const name of files().filter((name) => !name.endsWith("store.json"))) {
        const bytes = readFileSync(name);
        writeFileSync(name, bytes.subarray(0, bytes.length / 2));
      }
    },
  };
}

secretBackendContract("a directory of age files", async (world) => ageDirectory(world));

describe("a directory of age files", () => {
  const open = async () => {
    const world = await BackendWorld.create();
    const directory = ageDirectory(world);
    await directory.backend.load();
    const keep = async (path: string, value: Uint8Array | string) => {
      const envelope = await world.envelope(path, value);
      await directory.backend.put(envelope, [envelope.version]);
      return envelope;
    };
    return { world, keep, ...directory };
  };

  test.skipIf(without("age") !== "")(
    `is read with age and a key, and with nothing else, whatever the value is${without("age")}`,
    async () => {
      const { keep, root, world } = await open();
      const values = ["hunter2", "", "\0\r\n", world.random.bytes(1024 * 1024)].map((value) => Buffer.from(value));
      for (const [i, value] of values.entries()) {
        world.entitled.set(`web/tls-${i}`, ["web-1"]);
        await keep(`web/tls-${i}`, value);
      }
      const age = (who: "web-1" | "paper" | "nas-1" | "mail-1", i: number) => {
        const key = join(root, `${who}.key`);
        writeFileSync(key, world.by[who].identity.reveal());
        return spawnSync("age", ["-d", "-i", key, join(root, `web/tls-${i}.age`)], { maxBuffer: 2 ** 22 });
      };
      for (const [i, value] of values.entries()) {
        for (const who of ["web-1", "paper", "nas-1"] as const) expect(age(who, i).stdout.equals(value)).toBe(true);
        const { status, stdout, stderr } = age("mail-1", i);
        expect([status, stdout.length]).toEqual([1, 0]);
        expect(stderr.toString()).toContain("no identity matched any of the recipients");
      }
    },
  );

  test("leaves the files of others alone, also where it would put its own, and says which one is in the way", async () => {
    const { backend, keep, root, world } = await open();
    const foreign = { "web/tls.age": "mine", "web/notes.txt": "mine, too", ".lab/secrets/README": "and this" };
    for (const [name, content] of Object.entries(foreign)) {
      mkdirSync(join(root, name, ".."), { recursive: true });
      writeFileSync(join(root, name), content);
    }
    await expect(keep("web/tls", "x")).rejects.toThrow(`web/tls.age in ${root} is not of this store`);
    const kept = await keep("web/key", "y");
    expect(backend.list()).toEqual([{ path: "web/key", version: kept.version }]);
    world.stores = ["nas-1"];
    await backend.reseal(kept);
    await backend.forget();
    const left = readdirSync(root, { recursive: true }).map(String);
    expect(left.filter((name) => statSync(join(root, name)).isFile()).sort()).toEqual(Object.keys(foreign).sort());
    for (const [name, content] of Object.entries(foreign)) expect(readFileSync(join(root, name), "utf8")).toBe(content);
  });

  test("does not follow links, nor wait for what is no file", async () => {
    const { keep, root } = await open();
    const elsewhere = join(top, `elsewhere-${count}`);
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "passwd"), "root");
    symlinkSync(elsewhere, join(root, "web"));
    symlinkSync(join(elsewhere, "passwd"), join(root, "mail.age"));
    symlinkSync(join(elsewhere, "passwd"), join(root, ".part"));
    spawnSync("mkfifo", [join(root, "pipe.age")]);
    await expect(keep("web/tls", "x")).rejects.toThrow(`${join(root, "web")} is no directory`);
    await expect(keep("mail", "x")).rejects.toThrow("mail.age is no file");
    await expect(keep("pipe", "x")).rejects.toThrow("pipe.age is no file");
    await keep("db/password", "x");
    expect(readdirSync(elsewhere)).toEqual(["passwd"]);
    expect(readFileSync(join(elsewhere, "passwd"), "utf8")).toBe("root");
  });

  test("is as open to others as the directory itself, and closed where lab made it", async () => {
    const { keep, root } = await open();
    const modeOf = (name: string) => statSync(join(root, name)).mode & 0o777;
    await keep("web/tls", "x");
    expect(["", "web", "web/tls.age", ".lab/store.json"].map(modeOf)).toEqual([0o700, 0o700, 0o600, 0o600]);
    chmodSync(root, 0o755);
    await keep("mail/dkim", "x");
    expect(["mail", "mail/dkim.age"].map(modeOf)).toEqual([0o755, 0o644]);
  });

  test("is kept by one store: another one refuses it, and its own agent takes it again", async () => {
    const { keep, reopen, root, world } = await open();
    await keep("web/tls", "x");
    const other = await BackendWorld.create();
    other.self.id = "ab".repeat(32);
    await expect(ageDirectory(other, root).backend.load()).rejects.toThrow("is kept by another secret store");
    expect(await (await reopen()).load()).toBe(0);
    expect(readFileSync(join(root, ".lab/store.json"), "utf8")).toContain(world.self.id);
  });

  test("takes what somebody put in the place of its file, or exchanged for another, for lost", async () => {
    const { backend, keep, reopen, root, world } = await open();
    const [tls, key] = [await keep("web/tls", "tls"), await keep("web/key", "key")];
    const forged = await world.keys.seal([world.seal.recipient], new Secret(Buffer.from("forged")));
    writeFileSync(join(root, "web/tls.age"), forged);
    await expect(backend.get(tls, world.seal)).rejects.toThrow(SealBrokenError);
    const next = await reopen();
    expect(await next.load()).toBe(1);
    expect([next.has(tls), await next.get(tls, world.seal), next.has(key)]).toEqual([false, null, true]);
    writeFileSync(join(root, "web/tls.age"), readFileSync(join(root, "web/key.age")));
    expect(await next.load()).toBe(1);
    await next.put(tls, [tls.version]);
    expect(Buffer.from((await next.get(tls, world.seal))?.reveal() ?? []).toString()).toBe("tls");
    expect(backend.name).toBe(`age:${root}`);
  });
});
