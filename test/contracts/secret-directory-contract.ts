import { describe, expect, it } from "vitest";
import type { Generation } from "../../src/core/delivery/generation.ts";
import type { SecretDirectory } from "../../src/core/ports/secret-directory.ts";
import { Secret } from "../../src/core/secret.ts";
import { bring, placed } from "../unit/delivery/bring.ts";

export interface DirectoryUnderTest {
  readonly directory: SecretDirectory;
  /** What a program reads there; undefined where there is no such file. */
  readonly read: (name: string) => Promise<string | undefined>;
  /** Another agent of the same machine, later. */
  readonly reopen: () => SecretDirectory;
}

export function secretDirectoryContract(name: string, open: () => Promise<DirectoryUnderTest>): void {
  describe(`the contract of a secret directory: ${name}`, () => {
    it("has nothing at first", async () => {
      const { directory, read } = await open();
      expect(await directory.current()).toBeNull();
      expect(await read("mail/tls")).toBeUndefined();
    });

    it("shows what was put there, writes only what is new, and takes away what is not wanted", async () => {
      const { directory, read } = await open();
      expect(await bring(directory, { "mail/tls": "one", "mail/dkim": "two", top: "three" })).toHaveLength(3);
      expect(await bring(directory, { "mail/tls": "new", top: "three", "web/a/b": "" })).toEqual([
        "mail/tls",
        "web/a/b",
      ]);
      expect(await Promise.all(["mail/tls", "mail/dkim", "top", "web/a/b"].map(read))).toEqual([
        "new",
        undefined,
        "three",
        "",
      ]);
      await bring(directory, {});
      expect(await Promise.all(["mail/tls", "top", "web/a/b"].map(read))).toEqual([undefined, undefined, undefined]);
    });

    it("knows what is visible and what is owed, also for the next agent", async () => {
      const { directory, reopen } = await open();
      await bring(directory, { "mail/tls": "one" });
      await bring(directory, { "mail/tls": "two" });
      const expected: Generation = { files: placed({ "mail/tls": "two" }), owed: ["postfix.service"] };
      expect(await directory.current()).toEqual(expected);
      expect(await reopen().current()).toEqual(expected);
      await directory.settle();
      expect(await reopen().current()).toEqual({ ...expected, owed: [] });
      await bring(directory, { "mail/tls": "three" });
      expect((await reopen().current())?.owed).toEqual(["postfix.service"]);
    });

    it("wipes what it was given", async () => {
      const { directory } = await open();
      const value = new Secret(new Uint8Array([1, 2, 3]));
      await directory.replace({ files: placed({ a: "x" }), owed: [] }, new Set(), () => Promise.resolve(value));
      expect([...value.reveal()]).toEqual([0, 0, 0]);
    });

    it("is as it was when a content cannot be had", async () => {
      const { directory, read } = await open();
      await bring(directory, { a: "one", b: "two" });
      const next = { files: placed({ a: "new", b: "new" }), owed: [] };
      const half = (name: string) =>
        name === "a" ? Promise.resolve(new Secret(new Uint8Array([65]))) : Promise.reject(new Error("moved"));
      await expect(directory.replace(next, new Set(), half)).rejects.toThrow("moved");
      expect([await read("a"), await read("b")]).toEqual(["one", "two"]);
      expect((await directory.current())?.files).toEqual(placed({ a: "one", b: "two" }));
    });
  });
}
