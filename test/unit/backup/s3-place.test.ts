import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chunkName, manifestName, parsePlace, type PlaceAddress } from "../../../src/core/backup/place.ts";
import { ascii } from "../../../src/core/bytes.ts";
import { Secret } from "../../../src/core/secret.ts";
import { readCredentials } from "../../../src/node/platform/backup/s3-credentials.ts";
import { S3Place } from "../../../src/node/platform/backup/s3-place.ts";
import { placeContract } from "../../contracts/place-contract.ts";
import { ACCESS_KEY, S3Server, SECRET_KEY } from "./s3-server.ts";

const address = (text: string) => parsePlace(text) as PlaceAddress & { kind: "s3" };
const secret = (text: string) => new Secret(new TextEncoder().encode(text));

function place(
  server: S3Server,
  { key = SECRET_KEY, region = server.region, path = "attic/mesh & co", now = () => new Date() } = {},
) {
  const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: secret(key), sessionToken: null };
  return new S3Place({ address: address(`s3:${server.endpoint}/${path}`), credentials, region, now });
}

let server: S3Server;
beforeEach(async () => {
  server = await S3Server.start();
});
afterEach(() => server.stop());

placeContract("a bucket", async () => ({
  open: async () => place(server),
  spoil: async () => server.stop(),
  discard: async () => undefined,
}));

const chunk = (letter: string) => ({ name: chunkName(letter.repeat(64)), content: ascii(letter) });
const manifest = { name: manifestName(1), content: ascii("1") };

describe("a bucket with backups", () => {
  test("is read to its last page", async () => {
    await place(server).write(["a", "b", "c", "d", "e", "f", "0"].map(chunk), manifest);
    expect((await place(server).list()).size).toBe(8);
    expect([...server.objects.keys()].every((key) => key.startsWith("mesh & co/"))).toBe(true);
  });

  test("of a server without conditions takes a manifest, and not twice", async () => {
    server.conditions = "unknown";
    expect(await place(server).write([], manifest)).toBe("written");
    expect(await place(server).write([], manifest)).toBe("taken");
  });

  test("is asked again when it has a bad moment", async () => {
    server.failures.push({ status: 503 }, { status: 500 });
    expect(await place(server).list()).toEqual(new Map());
    expect(server.requests.length).toBe(3);
  });

  test.each([
    ["the secret key is wrong", { key: "hunter2" }, /SignatureDoesNotMatch/, /AWS_SECRET_ACCESS_KEY/],
    ["the region is another", { region: "us-east-1" }, /AuthorizationHeaderMalformed/, /AWS_REGION/],
    ["there is no bucket", { path: "cellar/x" }, /NoSuchBucket/, /make the bucket/],
    ["the clock is off", { now: () => new Date(Date.now() - 3_600_000) }, /RequestTimeTooSkewed/, /clock/],
  ])("says so where %s, and repeats no key", async (_, wrong, message, hint) => {
    const error = await place(server, wrong)
      .list()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "BackupPlaceFailed", message: expect.stringMatching(message) });
    expect((error as { facts: { hint: string } }).facts.hint).toMatch(hint);
    expect(JSON.stringify(error)).not.toMatch(/not\/a\+real|hunter2/);
  });
});

describe("credentials for S3", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "lab-s3-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const reveal = (own: Awaited<ReturnType<typeof readCredentials>>) => [
    own.accessKeyId,
    Buffer.from(own.secretAccessKey.reveal()).toString(),
    own.sessionToken === null ? null : Buffer.from(own.sessionToken.reveal()).toString(),
  ];

  test("come from the environment, or from a profile of a file", async () => {
    const env = { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "S" };
    expect(reveal(await readCredentials(env, undefined))).toEqual(["A", "S", null]);
    const file = join(root, "credentials");
    writeFileSync(
      file,
      "[default]\naws_access_key_id = D\naws_secret_access_key=d/=\n\n[ backup ]\r\naws_access_key_id=B\r\naws_secret_access_key=b\r\naws_session_token=t\r\n",
    );
    chmodSync(file, 0o600);
    expect(reveal(await readCredentials(env, file))).toEqual(["D", "d/=", null]);
    expect(reveal(await readCredentials({ AWS_PROFILE: "backup" }, file))).toEqual(["B", "b", "t"]);
    expect(reveal(await readCredentials({ AWS_SHARED_CREDENTIALS_FILE: file }, undefined))).toEqual(["D", "d/=", null]);
    await expect(readCredentials({ AWS_PROFILE: "none" }, file)).rejects.toThrow(/no profile \[none\]/);
  });

  test("are asked for where there are none", async () => {
    await expect(readCredentials({}, undefined)).rejects.toMatchObject({ code: "Usage" });
    await expect(readCredentials({}, join(root, "none"))).rejects.toMatchObject({ code: "InvalidFile" });
  });
});

describe("the address of a place", () => {
  test.each([
    ["dir:/mnt/usb", { kind: "dir", path: "/mnt/usb" }],
    ["git:git@example.com:a/b.git", { kind: "git", repository: "git@example.com:a/b.git", branch: "lab-backup" }],
    ["git:/srv/b.git#main", { kind: "git", repository: "/srv/b.git", branch: "main" }],
    ["s3:http://[::1]:9000/attic", { kind: "s3", endpoint: "http://[::1]:9000", bucket: "attic", prefix: "" }],
    [
      "s3:https://s3.example.com/attic/a/b/",
      { kind: "s3", endpoint: "https://s3.example.com", bucket: "attic", prefix: "a/b" },
    ],
  ])("%s is understood", (text, parsed) => {
    expect(parsePlace(text)).toEqual(parsed);
  });

  test.each([
    "/mnt/usb",
    "git:--upload-pack=touch x",
    "git:ext::sh -c x",
    "git:/srv/b#-f",
    "git:/srv/b#a..b",
    "s3:https://user:pw@host/b",
    "s3:host/bucket",
    "dir:",
  ])("%s is refused", (text) => {
    expect(() => parsePlace(text)).toThrow(/no place for backups/);
    expect(() => parsePlace("s3:https://user:hunter2@host/b")).not.toThrow(/hunter2/);
  });
});
