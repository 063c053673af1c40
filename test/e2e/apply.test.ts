import { createServer, request, type Server } from "node:http";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab, type Machine, until } from "./lab.ts";

/** Enough for a batch of several entries, an entry having 64 KiB. */
const SERVERS = 1200;

interface PlanDocument {
  readonly item: { readonly base: string; readonly changes: readonly unknown[] };
}

describe("what one lab apply writes", () => {
  let lab: Lab;
  let nas: Machine;
  let web: Machine;
  let cutter: Server | undefined;

  beforeEach(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    web = lab.machine("web-1");
    await nas.found();
    await web.join(await nas.token("--name", "web-1"));
    await until("both agree", async () => {
      const [one, other] = [await nas.status(), await web.status()];
      return one.online === 2 && other.online === 2 && one.stateHash === other.stateHash;
    });
  });

  afterEach(async () => {
    cutter?.closeAllConnections();
    await new Promise((resolve) => cutter?.close(resolve) ?? resolve(undefined));
    cutter = undefined;
    await lab.close();
  });

  /** A socket in front of the agent that lets so many entries through and then hangs up. */
  async function cutAfter(entries: number): Promise<string> {
    const socket = join(lab.root, "cut.sock");
    cutter = createServer((asked, answer) => {
      void text(asked).then((body) => {
        const isSubmit = asked.url === "/v1/entries";
        const part = isSubmit ? JSON.stringify({ entries: JSON.parse(body).entries.slice(0, entries) }) : body;
        const headers = { "content-type": "application/json" };
        const onward = request({ socketPath: nas.socket, path: asked.url, method: asked.method, headers }, (heard) => {
          if (isSubmit) heard.resume().once("end", () => asked.socket.destroy());
          else heard.pipe(answer.writeHead(heard.statusCode ?? 500, heard.headers));
        });
        onward.end(part);
      });
    });
    await new Promise<void>((resolve) => cutter?.listen(socket, resolve));
    return socket;
  }

  async function declaredSeenBy(machine: Machine): Promise<number> {
    return (await machine.servers()).filter(({ name }) => name.startsWith("node-")).length;
  }

  it("reads the same on every peer", async () => {
    const company = join(import.meta.dirname, "../../examples/company");
    await nas.run(["apply", "-f", company, "-q"]);
    await nas.run(["set", "server", "web-1", "environment=prod", "region=eu-west"]);
    await nas.run(["label", "server", "web-1", "postgres"]);
    await until("both agree", async () => (await nas.stateHash()) === (await web.stateHash()));
    for (const words of [
      ["get", "servers"],
      ["get", "servers", "-l", "group=production,!mailserver"],
      ["get", "labels"],
      ["get", "groups", "-o", "yaml"],
      ["get", "alerts"],
      ["get", "sizes", "-o", "csv"],
      ["get", "secrets"],
      ["get", "conflicts"],
      ["show", "server", "web-1"],
      ["show", "label", "postgres"],
      ["show", "group", "eu-infrastructure"],
      ["show", "alert", "postgres_process"],
      ["show", "secret", "postgres/master-password"],
      ["targets", "server", "web-1"],
      ["targets", "-l", "region=eu-west"],
      ["why", "web-1", "postgres_process"],
      ["plan", "-f", company],
    ]) {
      const asked = words.join(" ");
      expect(`${asked}\n${await web.run(words)}`).toBe(`${asked}\n${await nas.run(words)}`);
      expect(`${asked}\n${await nas.run([...words, "--peer", "web-1"])}`).toBe(`${asked}\n${await nas.run(words)}`);
    }
  });

  it("is seen whole or not at all, also when the operator is cut off in the middle and a peer is away", async () => {
    const lines = Array.from({ length: SERVERS }, (_, i) => `  node-${i}: { labels: [prod, web], region: eu-west }\n`);
    const file = join(lab.root, "servers.yaml");
    writeFileSync(file, `servers:\n${lines.join("")}`);
    const before = await nas.stateHash();

    const socket = await cutAfter(1);
    const cut = await nas.try(["apply", "-f", file, "-q", "--socket", socket]);
    expect(cut.exit, cut.stderr).toBe(1);
    expect(cut.stderr).toContain("it is signed and kept here; the next command hands it over");
    expect([await declaredSeenBy(nas), await declaredSeenBy(web)]).toEqual([0, 0]);
    expect(await nas.stateHash()).toBe(before);

    // The other peer is away while the rest comes, and has only the half of before when it returns.
    await web.killAgent();
    await nas.run(["label", "server", "nas-1", "later"]);
    expect(await declaredSeenBy(nas)).toBe(SERVERS);
    await web.startAgent();
    const seen = new Set<number>();
    await until("the peer that was away has it", async () => {
      seen.add(await declaredSeenBy(web));
      return (await web.stateHash()) === (await nas.stateHash());
    });
    seen.add(await declaredSeenBy(web));
    expect([...seen].filter((count) => count !== 0 && count !== SERVERS)).toEqual([]);
    expect(await declaredSeenBy(web)).toBe(SERVERS);

    const plans = await Promise.all([nas, web].map((machine) => machine.json<PlanDocument>("plan", "-f", file)));
    expect(plans.map(({ item }) => item.changes)).toEqual([[], []]);
    expect(plans[0]?.item).toEqual(plans[1]?.item);
    expect(await nas.run(["apply", "-f", file, "-q"])).toBe("no changes\n");
  });
});
