import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chunkName, manifestName } from "../../../src/core/backup/place.ts";
import { ascii } from "../../../src/core/bytes.ts";
import { DirectoryPlace } from "../../../src/node/platform/backup/directory-place.ts";
import { placeContract } from "../../contracts/place-contract.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lab-place-"));
});
afterEach(() => rmSync(root, { recursive: true }));

placeContract("a directory", async () => {
  const path = join(root, "backups");
  return {
    open: async () => new DirectoryPlace(path),
    spoil: async () => {
      rmSync(path, { recursive: true, force: true });
      writeFileSync(path, "a file where the directory was");
    },
    discard: async () => undefined,
  };
});

describe("a directory with backups", () => {
  const chunk = { name: chunkName("a".repeat(64)), content: ascii("a") };

  test("is for its owner alone", async () => {
    await new DirectoryPlace(root).write([chunk], { name: manifestName(1), content: ascii("1") });
    expect(statSync(join(root, chunk.name)).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, "manifests")).mode & 0o777).toBe(0o700);
  });

  test("has nothing half in it, and clears away what an interrupted backup left", async () => {
    mkdirSync(join(root, "parts"));
    for (const name of ["old.1", "new.2"]) writeFileSync(join(root, "parts", name), "half");
    utimesSync(join(root, "parts/old.1"), new Date(0), new Date(0));
    const place = new DirectoryPlace(root);
    expect(await place.list()).toEqual(new Map());
    await place.write([chunk], { name: manifestName(1), content: ascii("1") });
    expect(readdirSync(join(root, "parts"))).toEqual(["new.2"]);
  });

  test("passes over files that are not of a backup", async () => {
    mkdirSync(join(root, "manifests"));
    writeFileSync(join(root, "manifests/notes.txt"), "mine");
    expect(await new DirectoryPlace(root).list()).toEqual(new Map());
  });
});
