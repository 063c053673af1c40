import { describe, expect, test } from "vitest";
import { fromCodes } from "../../../src/core/bytes.ts";
import { secretPath, secretVersionPath } from "../../../src/core/paths.ts";
import { DiskFailedError } from "../../../src/core/ports/disk.ts";
import type { FileTree } from "../../../src/core/ports/file-tree.ts";
import type { Role } from "../../../src/core/ports/role.ts";
import { readGrants } from "../../../src/core/secrets/grant-log.ts";
import { exampleHomelab, type Homelab, type Machine } from "./homelab.ts";

/** The real one is held to the contract of backends; this one lets virtual time go on. */
class MemoryTree implements FileTree {
  readonly path = "/srv/secrets";
  readonly files = new Map<string, Uint8Array>();
  /** Before a file is written. */
  before: (name: string) => void = () => undefined;

  async list(under: string): Promise<readonly string[]> {
    return [...this.files.keys()].filter((name) => name.startsWith(under)).sort();
  }
  async read(name: string): Promise<Uint8Array | null> {
    return this.files.get(name) ?? null;
  }
  async replace(name: string, content: Uint8Array): Promise<void> {
    this.before(name);
    this.files.set(name, content);
  }
  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }

  get ageFiles(): readonly string[] {
    return [...this.files.keys()].filter((name) => name.endsWith(".age")).sort();
  }
}

/** What the machine has that gets at the files of nas-1 and asks nobody: the value, or nothing. */
async function opened(homelab: Homelab, tree: MemoryTree, path: string, by: Machine): Promise<string | null> {
  const file = tree.files.get(`${path}.age`);
  const value = file === undefined ? null : await homelab.keys.open(by.seal, file);
  return value === null ? null : fromCodes([...value.reveal()]);
}

/** Two stores, of which nas-1 keeps copies; web/tls is for web-1 and web-2, mail/dkim for mail-1. */
async function homelabWithCopies() {
  const homelab = await exampleHomelab();
  const { "nas-1": nas1, "pi-1": pi1 } = homelab.by;
  const tree = new MemoryTree();
  nas1.copies = tree;
  await nas1.leaveStore("agent-stops");
  await nas1.becomeStore();
  const set = async (path: string, value: string) => {
    await homelab.set(path, value, pi1);
    await homelab.pass(1000);
  };
  const by = async (who: keyof typeof homelab.by, path = "web/tls") => opened(homelab, tree, path, homelab.by[who]);
  return { homelab, tree, nas1, set, by };
}

describe("the copies that a secret store keeps as age files", () => {
  test("are opened by exactly those who may read the secret, follow new values, and are the current ones only", async () => {
    const { by, homelab, set, tree } = await homelabWithCopies();
    await set("web/tls", "one");
    await set("mail/dkim", "two");
    expect(tree.ageFiles).toEqual(["mail/dkim.age", "web/tls.age"]);
    const paper = await homelab.keys.createSealIdentity();
    homelab.recovery(paper.recipient);
    await set("web/tls", "three");
    for (const who of ["web-1", "web-2", "nas-1", "nas-2"] as const) expect(await by(who), who).toBe("three");
    for (const who of ["mail-1", "pi-1"] as const) expect(await by(who), who).toBeNull();
    expect([await by("mail-1", "mail/dkim"), await by("web-1", "mail/dkim")]).toEqual(["two", null]);
    const sheet = await homelab.keys.open(paper, tree.files.get("mail/dkim.age") as Uint8Array);
    expect(fromCodes([...(sheet?.reveal() ?? [])])).toBe("two");
  });

  test("are sealed anew when a label comes or goes, a machine is removed, or a store leaves", async () => {
    const { by, homelab, set } = await homelabWithCopies();
    await set("web/tls", "one");
    homelab.unlabel("web-1", "web");
    await homelab.pass(1000);
    expect([await by("web-1"), await by("web-2")]).toEqual([null, "one"]);
    homelab.label("pi-1", "web");
    homelab.putNode(homelab.by["web-2"], { state: "cut" });
    homelab.role("nas-2");
    await homelab.pass(1000);
    expect(await Promise.all((["web-2", "pi-1", "nas-2", "nas-1"] as const).map((who) => by(who)))).toEqual([
      null,
      "one",
      null,
      "one",
    ]);
  });

  test("count as given: each machine is on record with the version before it can open it", async () => {
    const { homelab, nas1, set, tree } = await homelabWithCopies();
    const onRecord: string[][] = [];
    tree.before = (name) => {
      const records = nas1.audits.map((record) => ({ ...record, timeMs: 0 }));
      if (name === "web/tls.age") onRecord.push(readGrants("nas-1", records as never).map(({ name }) => name));
    };
    await set("web/tls", "one");
    expect(onRecord.map((names) => names.sort())).toEqual([["web-1", "web-2"]]);
    const version = homelab.state.desired.get(secretVersionPath("web/tls"))?.entry;
    expect(nas1.audits.filter(({ action }) => action === "secret.read").map(({ facts }) => facts?.["version"])).toEqual(
      [version, version],
    );
  });

  test("are not made while what they give cannot be written down", async () => {
    const { by, homelab, nas1, set, tree } = await homelabWithCopies();
    const { push } = nas1.audits;
    nas1.audits.push = (...records) => {
      if (records.some(({ action }) => action === "secret.read")) throw new DiskFailedError("no space for the audit");
      return push.apply(nas1.audits, records);
    };
    await set("web/tls", "one");
    expect(tree.ageFiles).toEqual([]);
    nas1.audits.push = push;
    await homelab.pass(60_000);
    expect(await by("web-1")).toBe("one");
  });

  test("leave out what may only be read while a store answers, and what stores cannot open", async () => {
    const { homelab, set, tree } = await homelabWithCopies();
    homelab.strict("web/session-key");
    homelab.write(secretPath("mail/dkim"), { type: "static", maxStaleSeconds: 3600 });
    for (const path of ["web/tls", "web/session-key", "mail/dkim"]) await set(path, "value");
    expect(tree.ageFiles).toEqual(["web/tls.age"]);
    homelab.strict("web/tls");
    await homelab.pass(1000);
    expect(tree.ageFiles).toEqual([]);
    expect([...tree.files.keys()]).toEqual([".lab/store.json"]);
  });

  test("go when a secret is deleted, and stay with the stores alone when its value or its grant became void", async () => {
    const { by, homelab, set, tree } = await homelabWithCopies();
    await set("web/tls", "one");
    await set("mail/dkim", "two");
    homelab.remove(secretVersionPath("mail/dkim"));
    homelab.voidWrite(secretVersionPath("web/tls"));
    await homelab.pass(1000);
    expect(tree.ageFiles).toEqual(["web/tls.age"]);
    homelab.voidWrite("label/web");
    await homelab.pass(1000);
    expect([await by("web-1"), await by("nas-1")]).toEqual([null, "one"]);
  });

  test("go with the label of the store, when another store holds everything", async () => {
    const { homelab, nas1, set, tree } = await homelabWithCopies();
    await set("web/tls", "one");
    tree.files.set("web/notes.age", new Uint8Array(1));
    homelab.by["nas-2"].power = "off";
    homelab.role("nas-1");
    await nas1.leaveStore("label-removed");
    expect(tree.ageFiles).toEqual(["web/notes.age", "web/tls.age"]);
    homelab.by["nas-2"].power = "on";
    homelab.role("nas-1", "secret-store");
    await nas1.becomeStore();
    await homelab.pass(2000);
    homelab.role("nas-1");
    await nas1.leaveStore("label-removed");
    expect([...tree.files.keys()]).toEqual(["web/notes.age"]);
  });

  test("that cannot be written are the store's health, in words, and keep nothing else from being done", async () => {
    const { by, homelab, nas1, set, tree } = await homelabWithCopies();
    const role = nas1.store as Role;
    tree.before = (name) => {
      if (name.startsWith("web/")) throw new DiskFailedError("permission denied");
    };
    await set("web/tls", "one");
    await set("mail/dkim", "two");
    await expect(role.reconcile()).rejects.toThrow(
      "the copies in age:/srv/secrets are behind: the disk failed: permission denied",
    );
    expect(await homelab.by["web-1"].read("web/tls")).toBe("one");
    expect([await by("web-1"), await by("mail-1", "mail/dkim")]).toEqual([null, "two"]);
    tree.before = () => undefined;
    await homelab.pass(70_000);
    await role.reconcile();
    expect(await by("web-1")).toBe("one");
  });

  test("are as they were after a power cut, and what was altered meanwhile is put right", async () => {
    const { by, homelab, nas1, set, tree } = await homelabWithCopies();
    await set("web/tls", "one");
    await set("mail/dkim", "two");
    const before = tree.files.get("mail/dkim.age");
    nas1.power = "off";
    tree.files.set("web/tls.age", before as Uint8Array);
    await nas1.restart();
    await homelab.pass(5000);
    expect([await by("web-1"), await by("mail-1")]).toEqual(["one", null]);
    expect(tree.files.get("mail/dkim.age")).toBe(before);
    expect(nas1.log.records.filter(({ event }) => event === "secret-store.damaged-copies")).toHaveLength(1);
  });
});
