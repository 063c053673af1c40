import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "../../../src/core/ssh/base64.ts";
import { readSshKeyLine, sshFingerprint, sshKeyLine } from "../../../src/core/ssh/public-key.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";

const keys = createKeys();
const dir = mkdtempSync(join(tmpdir(), "lab-ssh-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const noKeygen = existsSync("/usr/bin/ssh-keygen") ? "" : " (skipped: ssh-keygen is not installed)";
const ssh = (...words: string[]) => execFileSync("ssh-keygen", words, { cwd: dir, encoding: "utf8", stdio: "pipe" });

/** What OpenSSH 9.2 wrote for a key whose token is its regression test's `sk-dummy`. */
const TOKEN_KEY =
  "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAILCfppB1waCfpD47sot7LmYicWVwcb6fOkDitBFBzHERAAAABHNzaDo= alice@token";
describe("a public key of OpenSSH", () => {
  test("of a FIDO2 token is read whole and written alike", () => {
    const key = readSshKeyLine(TOKEN_KEY);
    expect(key).toMatchObject({ application: "ssh:", comment: "alice@token" });
    expect(sshKeyLine(key)).toBe(TOKEN_KEY);
    expect(sshFingerprint(keys, key)).toBe("SHA256:YSMsg11lFQ7pmnuuwFKt+0t6WAz+r8udOJb4p4nOM04");
  });

  test.each([
    ["ssh-rsa AAAAB3NzaC1yc2E= bob", /type ssh-rsa cannot be used/],
    ["hello", /not an SSH public key/],
    [TOKEN_KEY.replace("sk-ssh-ed25519@openssh.com AAAAG", "ssh-ed25519 AAAAG"), /damaged/],
    [TOKEN_KEY.replace("HERAAAA", "HERAAAB"), /cut short/],
    [`${TOKEN_KEY.split(" ").slice(0, 2).join(" ")}A`, /damaged/],
  ])("that is none is refused: %s", (line, why) => {
    expect(() => readSshKeyLine(line)).toThrow(why);
  });

  test.skipIf(noKeygen !== "")(`has the fingerprint that ssh-keygen shows${noKeygen}`, () => {
    ssh("-q", "-t", "ed25519", "-N", "", "-C", "bob@desk", "-f", "bob");
    const line = readFileSync(join(dir, "bob.pub"), "utf8");
    const key = readSshKeyLine(line);
    expect(key.comment).toBe("bob@desk");
    expect(`${sshKeyLine(key)}\n`).toBe(line);
    expect(ssh("-l", "-f", "bob.pub")).toContain(` ${sshFingerprint(keys, key)} `);
  });
});

test("base64 has one spelling for each value", () => {
  for (const [bytes, text] of [
    [[], ""],
    [[255], "/w=="],
    [[255, 254], "//4="],
    [[251, 255, 254], "+//+"],
  ] as const) {
    expect(toBase64(Uint8Array.from(bytes))).toBe(text);
    expect(fromBase64(text)).toEqual(Uint8Array.from(bytes));
  }
  for (const text of ["/w", "/w=", "/x==", "/w==\n", "_w=="]) expect(fromBase64(text), text).toBeNull();
});
