import { execFileSync } from "node:child_process";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "../../../src/core/ssh/base64.ts";
import { readSshKeyLine, type SshKey, sshFingerprint, sshKeyLine } from "../../../src/core/ssh/public-key.ts";
import {
  armorSshsig,
  decodeSshsig,
  encodeSshsig,
  sshsigMessage,
  unarmorSshsig,
} from "../../../src/core/ssh/signature.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";

const keys = createKeys();
const dir = mkdtempSync(join(tmpdir(), "lab-ssh-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const noKeygen = existsSync("/usr/bin/ssh-keygen") ? "" : " (skipped: ssh-keygen is not installed)";
const ssh = (...words: string[]) => execFileSync("ssh-keygen", words, { cwd: dir, encoding: "utf8", stdio: "pipe" });

/** What OpenSSH 9.2 wrote for a key whose token is its regression test's `sk-dummy`, over the file `hello\n`. */
const TOKEN_KEY =
  "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAILCfppB1waCfpD47sot7LmYicWVwcb6fOkDitBFBzHERAAAABHNzaDo= alice@token";
const TOKEN_SIGNATURE = `-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAAEoAAAAac2stc3NoLWVkMjU1MTlAb3BlbnNzaC5jb20AAAAgsJ+mkH
XBoJ+kPjuyi3suZiJxZXBxvp86QOK0EUHMcREAAAAEc3NoOgAAAANsYWIAAAAAAAAABnNo
YTUxMgAAAGcAAAAac2stc3NoLWVkMjU1MTlAb3BlbnNzaC5jb20AAABA9C5td0maYa/Mre
LMFA9dV/nIHXhMMnxBzu287HepWhBA1kV3ynTOzBJOwv+YR6UOvtTiH9FG0KOc8CsWdoGg
AgESNFZ4
-----END SSH SIGNATURE-----
`;

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

describe("a signature of ssh-keygen -Y sign", () => {
  test("by a FIDO2 token is read whole and written alike", () => {
    const blob = unarmorSshsig(TOKEN_SIGNATURE);
    const signature = decodeSshsig(blob);
    expect(signature).toMatchObject({
      namespace: "lab",
      hash: "sha512",
      key: { application: "ssh:" },
      signature: { token: { flags: 1, counter: 0x12345678 } },
    });
    expect(encodeSshsig(signature)).toEqual(blob);
    expect(armorSshsig(blob)).toBe(TOKEN_SIGNATURE);
  });

  test("that is cut short anywhere, or goes on, is none", () => {
    const blob = unarmorSshsig(TOKEN_SIGNATURE);
    for (let length = 0; length < blob.length; length++) {
      expect(() => decodeSshsig(blob.subarray(0, length)), `${length} bytes`).toThrow();
    }
    expect(() => decodeSshsig(new Uint8Array([...blob, 0]))).toThrow(/bytes after/);
    expect(() => unarmorSshsig("hello")).toThrow(/not an SSH signature file/);
  });

  test.skipIf(noKeygen !== "")(`that we make is good to ssh-keygen${noKeygen}`, () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const raw = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
    const key: SshKey = { key: raw, application: null, comment: "" };
    const file = Buffer.from("an order\n");
    const message = sshsigMessage("lab", "sha256", keys.hash(file));
    const bytes = new Uint8Array(sign(null, message, privateKey));
    expect(verify(null, message, publicKey, bytes)).toBe(true);
    const blob = encodeSshsig({ key, namespace: "lab", hash: "sha256", signature: { bytes, token: null } });
    writeFileSync(join(dir, "order.sig"), armorSshsig(blob));
    writeFileSync(join(dir, "signers"), `alice ${sshKeyLine(key)}\n`);
    const check = (text: Buffer) =>
      execFileSync("ssh-keygen", ["-Y", "verify", "-n", "lab", "-f", "signers", "-I", "alice", "-s", "order.sig"], {
        cwd: dir,
        input: text,
        encoding: "utf8",
        stdio: "pipe",
      });
    expect(check(file)).toContain(`Good "lab" signature for alice with ED25519 key ${sshFingerprint(keys, key)}`);
    expect(() => check(Buffer.from("another\n"))).toThrow();
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
