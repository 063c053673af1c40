import { createHash, randomBytes } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";

interface List<T> {
  readonly items: readonly T[];
}

interface Version {
  readonly version: string;
  readonly state: string;
  readonly restores: string | null;
  readonly stores: readonly string[];
}

/** Two stores; web-1 may read what the label web declares. */
describe("values of secrets in a mesh of two stores", () => {
  let lab: Lab;
  let nas: Machine;
  let web: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    web = lab.machine("web-1", "member");
    await nas.found();
    await web.join(await nas.token("--name", "web-1", "--labels", "web"));
    await nas.run(["label", "server", "web-1", "secret-store"]);
    const input = `
labels: { web: { secrets: [web/tls, web/blob, web/nothing, web/sealed, web/never-set] } }
secrets: { web/sealed: { class: sealed } }
`;
    await nas.run(["apply", "-f", "-"], { input });
    await until("web-1 is a store", async () => {
      const { item } = await nas.json<{ item: { replicas: readonly { state: string }[] } }>(
        "secret",
        "status",
        "--store",
      );
      return item.replicas.length === 2 && item.replicas.every(({ state }) => state === "synced");
    });
  }, 60_000);

  afterAll(() => lab.close());

  const history = async (path: string) => (await nas.json<List<Version>>("secret", "history", path)).items;
  const read = async (path: string) => (await web.try(["secret", "get", path])).bytes;

  async function readUntil(path: string, value: Uint8Array): Promise<void> {
    await until(`web-1 reads the value of ${path}`, async () => Buffer.compare(await read(path), value) === 0);
  }

  it("has from no byte to a mebibyte of them, and not one more", async () => {
    const blob = randomBytes(1024 * 1024);
    const file = join(nas.home, "blob");
    writeFileSync(file, blob);
    const said = await nas.run(["secret", "set", "web/blob", "--from-file", file]);
    expect(said).toBe("web/blob: in 2 of 2 stores (nas-1, web-1)\naccessible by: web (1 server)\n");
    expectRefusal(await nas.try(["secret", "set", "web/nothing"], { input: "" }), 2, /the value is empty/);
    await nas.run(["secret", "set", "web/nothing", "--from-file", "/dev/null"]);
    await readUntil("web/nothing", new Uint8Array(0));
    await until("the mebibyte is there, byte for byte", async () => {
      const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
      return hash(await read("web/blob")) === hash(blob);
    });
    writeFileSync(file, Buffer.concat([blob, Buffer.of(0)]));
    const refused = await nas.try(["secret", "set", "web/blob", "--from-file", file]);
    expectRefusal(refused, 2, /a secret is at most 1 MiB, this one has 1048577 bytes/);
  });

  it("can be returned to, also after they were deleted, without leaving the stores", async () => {
    await nas.run(["secret", "set", "web/tls"], { input: "good" });
    await readUntil("web/tls", Buffer.from("good"));
    await nas.run(["secret", "set", "web/tls"], { input: "typo" });
    await readUntil("web/tls", Buffer.from("typo"));
    const [typo, good] = await history("web/tls");
    expect(typo).toMatchObject({ state: "current", stores: ["nas-1", "web-1"], restores: null });
    expect(good).toMatchObject({ state: "past", stores: ["nas-1", "web-1"] });

    expect(await nas.run(["secret", "rollback", "web/tls"])).toMatch(
      /^web\/tls: as [0-9a-f]{12} again, in 2 of 2 stores/,
    );
    await readUntil("web/tls", Buffer.from("good"));

    expectRefusal(await nas.try(["secret", "delete", "web/tls"]), 2, /Delete the value of web\/tls\?/);
    await nas.run(["secret", "delete", "web/tls", "--yes"]);
    await until("web-1 has it no more", async () => (await web.try(["secret", "get", "web/tls"])).exit === 4);
    await nas.run(["secret", "rollback", "web/tls", "--to", typo?.version ?? ""]);
    await readUntil("web/tls", Buffer.from("typo"));
    expect((await history("web/tls")).map(({ state }) => state)).toEqual([
      "current",
      "removal",
      "past",
      "past",
      "past",
    ]);
  });

  it("of class sealed are for the machines that may read them, and stores carry them blind", async () => {
    await nas.run(["secret", "set", "web/sealed"], { input: "for web-1" });
    await readUntil("web/sealed", Buffer.from("for web-1"));
    // nas-1 is a store and has the envelope, and its label entitles it to nothing.
    expectRefusal(await nas.try(["secret", "get", "web/sealed"]), 4, /not entitled/);
    const [current] = await history("web/sealed");
    expect(current).toMatchObject({ state: "current", stores: ["nas-1", "web-1"], class: "sealed" });
  });

  it("are told of: who read what when, what was refused, and what is missing", async () => {
    expectRefusal(await nas.try(["secret", "get", "web/tls"]), 4, /not entitled/);
    await until("both are on record", async () => {
      const { items } = await nas.json<List<{ machine: string; decision: string }>>("secret", "audit", "--reads");
      const told = items.map(({ machine, decision }) => `${machine} ${decision}`);
      return told.includes("web-1 allowed") && told.includes("local denied");
    });
    expect(await nas.run(["secret", "audit", "web/tls"])).toMatch(/web-1 +web\/tls +✓ allowed +\d+ +(nas|web)-1/);
    expect(await nas.run(["secret", "audit"])).toContain(
      '⚠ Secret "web/never-set" referenced by label "web" but never set',
    );
    expect(await nas.run(["show", "secret", "web/tls"])).toMatch(/web-1 \(–\) +last fetched: (now|\d+ [sm] ago)/);
    expect(await nas.run(["secret", "status", "--store"])).toMatch(/Replicas: +2\/2 healthy\n +nas-1 +– +✓ synced/);
    expect(await web.run(["secret", "status"])).toMatch(/Local cache: +✗ 4 cached \(of 5 entitled\), encrypted, fresh/);
  });

  it("go out in the forms that other programs read, to their owner alone", async () => {
    const out = join(web.home, "secrets.env");
    await web.run(["secret", "export", "--format", "env", "-p", "web/tls", "--out", out]);
    expect(readFileSync(out, "utf8")).toBe("LAB_SECRET_WEB_TLS='typo'\n");
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(await web.run(["secret", "export", "--format", "k8s", "-p", "web/tls"])).toContain(
      '  web.tls: "dHlwbw=="\n',
    );
    expectRefusal(await web.try(["secret", "export", "--format", "docker"]), 2, /"web\/blob" is not text/);
  });

  it("that a store could read are to be rotated when it is one no more", async () => {
    await nas.run(["label", "server", "web-1", "secret-store-"]);
    const audit = async () => (await nas.run(["secret", "audit"])).replace(/\s+/g, " ");
    const exposed = /Secret "web\/tls" is exposed since [-0-9]+: it left with web-1, a store then — set a new value by/;
    expect(await audit()).toMatch(exposed);
    await nas.run(["secret", "set", "web/tls"], { input: "rotated" });
    expect(await audit()).not.toMatch(exposed);
  });
});
