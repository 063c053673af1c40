import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ascii, concat, equalBytes, fromHex, toHex } from "../../../src/core/bytes.ts";
import { MalformedError } from "../../../src/core/encoding.ts";
import { SCHEME_ED25519, sshSignature } from "../../../src/core/signature.ts";
import { encodeBody } from "../../../src/crdt/authority/bodies.ts";
import { positionIn } from "../../../src/crdt/compose.ts";
import {
  type AuthorityHeader,
  bareEntry,
  decodeEntry,
  type Entry,
  entryHash,
  replaceSignatures,
} from "../../../src/crdt/entry/entry.ts";
import {
  carriesValidSignature,
  signingMessage,
  sshNamespace,
  withSignature,
} from "../../../src/crdt/entry/signatures.ts";
import {
  decodeSshSignature,
  encodeSshSignature,
  readSshArmour,
  sshVerification,
  writeSshArmour,
} from "../../../src/core/ssh/sshsig.ts";
import vectors from "../../vectors/ssh-signatures.json" with { type: "json" };
import { type Author, bytesFor, found, grantBody, keys, Peer } from "./fixture.ts";

const bytes = (hex: string): Uint8Array => fromHex(hex) as Uint8Array;

/** The entry of a vector under the signature of its file. */
function signedEntry(vector: (typeof vectors.signatures)[number], file = vector.file): Entry {
  const unsigned = decodeEntry(keys, concat(bytes(vector.signed), Uint8Array.of(0)));
  return withSignature(unsigned, sshSignature(readSshArmour(file)));
}

describe("a signature of ssh-keygen", () => {
  it.each(vectors.signatures)("counts, or does not: $name", (vector) => {
    const entry = signedEntry(vector);
    expect(entry.id).toBe(vector.hash);
    expect(toHex(entryHash(keys, entry.signed))).toBe(vector.hash);
    expect(entry.signatures[0]?.scheme).toBe(vector.scheme);
    expect(carriesValidSignature(keys, decodeEntry(keys, entry.bytes))).toBe(vector.counts === "yes");
  });

  it("is read and written again byte by byte, armour included", () => {
    for (const { file } of vectors.signatures) {
      const blob = readSshArmour(file);
      expect(toHex(encodeSshSignature(decodeSshSignature(blob)))).toBe(toHex(blob));
      expect(writeSshArmour(blob)).toBe(file);
    }
  });

  it("with any bit changed, cut short or with something behind it, does not count", () => {
    for (const vector of vectors.signatures.filter(({ counts }) => counts === "yes")) {
      const entry = signedEntry(vector);
      const blob = entry.signatures[0]?.bytes as Uint8Array;
      const carries = (signature: Uint8Array): boolean =>
        carriesValidSignature(keys, replaceSignatures(entry, [{ scheme: vector.scheme, bytes: signature }]));
      expect(carries(blob)).toBe(true);
      for (let bit = 0; bit < 8 * blob.length; bit += 3) {
        const changed = blob.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
        expect(carries(changed), `${vector.name}, bit ${bit}`).toBe(false);
      }
      for (let length = 0; length < blob.length; length++) expect(carries(blob.subarray(0, length))).toBe(false);
      expect(carries(concat(blob, Uint8Array.of(0)))).toBe(false);
    }
  });

  it("does not pass for one of another scheme, and its inner signature not for a plain one", () => {
    for (const vector of vectors.signatures) {
      const entry = signedEntry(vector);
      const blob = entry.signatures[0]?.bytes as Uint8Array;
      for (const scheme of [1, 2, 3, 4].filter((other) => other !== vector.scheme)) {
        expect(carriesValidSignature(keys, replaceSignatures(entry, [{ scheme, bytes: blob }]))).toBe(false);
      }
      const inner = { scheme: SCHEME_ED25519, bytes: decodeSshSignature(blob).signature };
      expect(carriesValidSignature(keys, replaceSignatures(entry, [inner]))).toBe(false);
    }
  });

  it("of another application than SSH, or without a touch, is refused even where the mathematics are right", () => {
    const vector = vectors.signatures.find(({ scheme, counts }) => scheme === 3 && counts === "yes");
    if (vector === undefined) throw new Error("no vector of a token");
    const ssh = decodeSshSignature(readSshArmour(vector.file));
    const token = ssh.token as NonNullable<typeof ssh.token>;
    for (const wrong of [
      { ...token, application: "https://web.example" },
      { ...token, flags: 0 },
      { ...token, flags: token.flags & ~1 },
    ]) {
      expect(() => decodeSshSignature(encodeSshSignature({ ...ssh, token: wrong }))).toThrow(MalformedError);
    }
  });

  it("asks the verifier about what the token signed: application, flags, counter and message", () => {
    const [first] = vectors.signatures.filter(({ scheme, counts }) => scheme === 3 && counts === "yes");
    const ssh = decodeSshSignature(readSshArmour(first?.file ?? ""));
    const { message } = sshVerification(keys, ssh, ascii("anything"));
    expect(equalBytes(message.subarray(0, 32), keys.hash(ascii(ssh.token?.application ?? "")))).toBe(true);
    expect(toHex(message.subarray(32, 37))).toBe("0112345678");
    expect(message.length).toBe(69);
  });

  it("counts for one entry at most as often as the first four signatures allow", () => {
    const [vector] = vectors.signatures;
    if (vector === undefined) throw new Error("no vectors");
    const entry = signedEntry(vector);
    const noise = Array.from({ length: 4 }, (_, i) => ({ scheme: SCHEME_ED25519, bytes: bytesFor(`noise ${i}`) }));
    const good = entry.signatures[0] as Entry["signatures"][number];
    expect(carriesValidSignature(keys, replaceSignatures(entry, [...noise.slice(1), good]))).toBe(true);
    expect(carriesValidSignature(keys, replaceSignatures(entry, [...noise, good]))).toBe(false);
  });
});

describe("a signature file", () => {
  const [vector] = vectors.signatures;
  it.each([
    ["nothing", ""],
    ["another armour", (vector?.file ?? "").replaceAll("SSH SIGNATURE", "PGP SIGNATURE")],
    ["no end", (vector?.file ?? "").split("\n").slice(0, -2).join("\n")],
    ["letters that are none", (vector?.file ?? "").replace("U1NI", "U1*I")],
  ])("that is none is refused: %s", (_, file) => {
    expect(() => decodeSshSignature(readSshArmour(file))).toThrow(MalformedError);
  });

  it("is read with the line ends of any system", () => {
    const file = vector?.file ?? "";
    expect(readSshArmour(file.replaceAll("\n", "\r\n"))).toEqual(readSshArmour(file));
  });
});

const keygen = spawnSync("ssh-keygen", ["-?"], { encoding: "utf8" });
const noKeygen = keygen.error === undefined ? "" : " (skipped: there is no ssh-keygen here)";

describe.skipIf(noKeygen !== "")(`an operator with an SSH key${noKeygen}`, () => {
  let dir = "";
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "lab-ssh-"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it("administers the mesh with what plain ssh-keygen signs", async () => {
    const key = join(dir, "id_ed25519");
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    const line = Buffer.from(readFileSync(`${key}.pub`, "utf8").split(" ")[1] ?? "", "base64");
    const publicKey = new Uint8Array(line.subarray(-32));

    const founding = found();
    const alice = founding.founders.alice as Author;
    const peer = await Peer.of(founding);
    const grant = await peer.say(alice, { ...grantBody("bob"), key: publicKey });
    const header: AuthorityHeader = {
      kind: "authority",
      key: publicKey,
      ...positionIn(peer.replica.graph, peer.mesh, grant.hash),
      type: "grant",
    };
    const entry = bareEntry(keys, header, encodeBody(grantBody("carol")));
    writeFileSync(join(dir, "entry"), signingMessage("authority", entry.signed));
    spawnSync("ssh-keygen", ["-q", "-Y", "sign", "-f", key, "-n", sshNamespace("authority"), join(dir, "entry")]);
    const signature = sshSignature(readSshArmour(readFileSync(join(dir, "entry.sig"), "utf8")));

    expect(await peer.admit([entry])).toMatchObject([{ state: "refused" }]);
    expect(await peer.admit([withSignature(entry, signature)])).toMatchObject([{ state: "admitted" }]);
    expect(
      peer.replica
        .view()
        .operators.map(({ name }) => name)
        .sort(),
    ).toEqual(["alice", "bob", "carol"]);
  });
});
