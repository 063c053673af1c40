import { chmodSync, cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab, type Machine, until } from "./lab.ts";

const HOMES = join(import.meta.dirname, "../homes");

type Item = Readonly<Record<string, unknown>>;

interface HomeFile {
  readonly bootstrap: readonly { readonly key: string }[];
}

const releases = readdirSync(HOMES, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? [one.name] : []));

describe.each(releases)("the homes that %s left", (release) => {
  const expected = JSON.parse(readFileSync(join(HOMES, release, "expected.json"), "utf8")) as Record<string, Item[]>;
  let lab: Lab;
  let nas: Machine;
  let web: Machine;

  beforeEach(() => {
    lab = Lab.open();
    cpSync(join(HOMES, release), lab.root, { recursive: true });
    // Version control knows no modes; keys are nobody else's to read.
    for (const path of readdirSync(join(HOMES, release), { recursive: true, encoding: "utf8" })) {
      if (/[.](key|json|bin)$/.test(path)) chmodSync(join(lab.root, path), 0o600);
    }
    nas = lab.machine("nas-1");
    web = lab.machine("web-1");
  });

  afterEach(() => lab.close());

  /** What was told then, member by member; a release may tell more. */
  async function expectAsThen(machine: Machine): Promise<void> {
    for (const [kind, items] of Object.entries(expected)) {
      const now = (await machine.json<{ items: readonly Item[] }>("get", kind)).items;
      expect(now, kind).toEqual(expect.arrayContaining(items.map((item) => expect.objectContaining(item))));
      if (kind !== "audit") expect(now, kind).toHaveLength(items.length);
    }
  }

  it("are read without an agent", async () => {
    await expectAsThen(nas);
  });

  it("are started, find each other, give the secret, and take changes by the operator of then", async () => {
    await nas.startAgent();
    await expectAsThen(nas);
    // Where nas-1 listened then is another's by now, and it reports nothing before a peer told it its own head.
    const { stdout } = await nas.try(["doctor", "-o", "json"]);
    const [address] = /127[.]0[.]0[.]1:\d+/.exec(stdout) ?? [];
    const file = join(web.home, "home.json");
    const home = JSON.parse(readFileSync(file, "utf8")) as HomeFile;
    const bootstrap = home.bootstrap.map((peer) => ({ ...peer, addresses: [address] }));
    writeFileSync(file, JSON.stringify({ ...home, bootstrap }));
    await web.startAgent();
    await until("both are one mesh", async () => {
      const [one, other] = [await nas.status(), await web.status()];
      return one.online === 2 && other.online === 2 && one.stateHash === other.stateHash;
    });
    expect(await web.run(["secret", "get", "web/tls"])).toBe("a certificate");
    await nas.run(["label", "server", "web-1", "new"], { env: { LAB_OPERATOR: "operator" } });
    await until("web-1 has the label everywhere", async () => {
      const lists = await Promise.all([nas, web].map((machine) => machine.servers()));
      return lists.every((servers) => servers.some(({ name, labels }) => name === "web-1" && labels.includes("new")));
    });
    expect(await nas.run(["status"])).not.toMatch(/salvage|damaged|lost/);
  });
});
