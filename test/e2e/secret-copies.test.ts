import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { without } from "../programs.ts";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";

const skipped = without("age");

/** nas-1 keeps copies; `age` and the key of a machine are all that whoever reads them has. */
describe.skipIf(skipped !== "")(`a directory of age files beside the store${skipped}`, () => {
  let lab: Lab;
  let nas: Machine;
  let web: Machine;
  let directory: string;

  beforeAll(async () => {
    lab = Lab.open();
    directory = join(lab.root, "srv", "secrets");
    nas = lab.machine("nas-1");
    nas.agentFlags = [...nas.agentFlags, "--secret-copies", `age:${directory}`];
    web = lab.machine("web-1", "member");
    await nas.found();
    await web.join(await nas.token("--name", "web-1", "--labels", "web"));
    await nas.run(["apply", "-f", "-"], {
      input: "labels: { web: { secrets: [web/tls] }, mail: { secrets: [mail/dkim] } }",
    });
    await nas.run(["secret", "set", "web/tls"], { input: "one\n" });
    await nas.run(["secret", "set", "mail/dkim"], { input: "for others" });
  }, 60_000);

  afterAll(() => lab.close());

  function read(machine: Machine, path: string): string | null {
    const words = ["-d", "-i", join(machine.home, "keys/seal.key"), join(directory, `${path}.age`)];
    const { status, stdout } = spawnSync("age", words);
    return status === 0 ? stdout.toString("utf8") : null;
  }
  const files = () => readdirSync(directory, { recursive: true }).map(String);

  it("gives a machine its own secrets with no agent and no mesh, follows new values, and gives no others", async () => {
    await until("web-1 reads it", () => read(web, "web/tls") === "one\n");
    await until("the store reads the other one", () => read(nas, "mail/dkim") === "for others");
    expect(read(web, "mail/dkim")).toBeNull();
    await nas.run(["secret", "set", "web/tls"], { input: "two\n" });
    await until("the new value is there", () => read(web, "web/tls") === "two\n");
  });

  it("is in the grant log, and closed to a machine that loses the label", async () => {
    const said = await nas.run(["get", "audit", "-o", "json"]);
    expect(said).toContain(`sealed to it in age:${directory}`);
    await nas.run(["label", "server", "web-1", "web-"]);
    await until("it is sealed anew", () => read(web, "web/tls") === null);
    expect(read(nas, "web/tls")).toBe("two\n");
  });

  it("says in the status of the mesh that it cannot write there, serves all the same, and goes on afterwards", async () => {
    await nas.killAgent();
    await nas.startAgent();
    mkdirSync(join(directory, "db"));
    chmodSync(join(directory, "db"), 0o700);
    writeFileSync(join(directory, "db/password.age"), "of somebody else");
    await nas.run(["apply", "-f", "-"], { input: "labels: { nas: { secrets: [db/password] } }" });
    await nas.run(["label", "server", "nas-1", "nas"]);
    await nas.run(["secret", "set", "db/password"], { input: "hunter2" });
    const status = () => nas.run(["status"]);
    await until("the status says so", async () => /copies in age:/.test((await status()).replaceAll(/\s+/g, " ")));
    expect((await nas.run(["secret", "get", "db/password"])).trim()).toBe("hunter2");
    const text = (await status()).replaceAll(/\s+/g, " ");
    expect(text).toContain("db/password.age");
    spawnSync("rm", [join(directory, "db/password.age")]);
    await until("it is made", () => read(nas, "db/password") === "hunter2");
    await until("nothing is said any more", async () => !(await status()).includes("copies in"));
  });

  it("goes when a secret is deleted, and takes nothing of others along", async () => {
    writeFileSync(join(directory, "web/notes.txt"), "mine");
    await nas.run(["secret", "delete", "web/tls", "--yes"]);
    await until("it is gone", () => !existsSync(join(directory, "web/tls.age")));
    expect(files().filter((name) => name.startsWith("web/"))).toEqual(["web/notes.txt"]);
  });

  it("is refused as a word that names no directory", async () => {
    expectRefusal(await nas.try(["agent", "--secret-copies", "vault:x"]), 2, /copies are not kept in "vault:x"/);
  });
});
