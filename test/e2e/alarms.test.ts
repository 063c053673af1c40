import { createHmac } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SmtpReceiver } from "../smtp/receiver.ts";
import { Lab, type Machine, until } from "./lab.ts";

interface Notice {
  readonly state: string;
  readonly from: string;
  readonly alarm: { readonly id: string; readonly kind: string; readonly about: string };
}

interface ShownAlarm {
  readonly id: string;
  readonly kind: string;
  readonly about: string;
  readonly delivered: readonly { readonly route: string }[];
  readonly acknowledged: { readonly by: string; readonly reason: string } | null;
  readonly silenced: { readonly by: string } | null;
}

const KEY = "a key that only the receiver shares";

describe("somebody who is told of alarms", () => {
  let lab: Lab;
  let hook: Server;
  let mail: SmtpReceiver;
  const posted: { readonly notice: Notice; readonly body: string; readonly headers: IncomingHttpHeaders }[] = [];

  beforeEach(async () => {
    lab = Lab.open();
    posted.length = 0;
    hook = createServer((request, response) => {
      void text(request).then((body) => {
        posted.push({ notice: JSON.parse(body) as Notice, body, headers: request.headers });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
    mail = await SmtpReceiver.open({ offers: [] });
  });

  afterEach(async () => {
    await lab.close();
    await mail.close();
    hook.closeAllConnections();
    await new Promise((resolve) => hook.close(resolve));
  });

  it("hears once by each route that web-1 is gone, once that it is back, and nothing of what is silenced", async () => {
    const [laptop, nas, web] = ["laptop", "nas-1", "web-1"].map((name) => lab.machine(name)) as [
      Machine,
      Machine,
      Machine,
    ];
    await laptop.found();
    for (const machine of [nas, web]) await machine.join(await laptop.token("--name", machine.name));
    const pages = install(lab, nas);
    await declare(lab, laptop);
    await until("both others can deliver by every route", async () => {
      const { items } = await laptop.json<{ items: { name: string; servers: string[] }[] }>("get", "alarm-routes");
      const able = Object.fromEntries(items.map(({ name, servers }) => [name, servers.join()]));
      return able["hook"] === "laptop,nas-1,web-1" && able["page"] === "nas-1" && able["mail"] === "laptop,nas-1,web-1";
    });

    await web.killAgent();
    await until("alice is told", () => posted.length > 0 && mail.mails.length > 0 && pages().length > 0);
    const shown = await soon(laptop, ([alarm]) => alarm?.delivered.length === 3);
    expect(shown).toMatchObject([{ kind: "unreachable", about: "web-1", acknowledged: null }]);
    await until("the other machine shows the same", async () => (await alarms(nas))[0]?.delivered.length === 3);

    const id = shown[0]?.id ?? "";
    await nas.run(["alarm", "ack", id.slice(0, 6), "--reason", "seen it"]);
    const [seen] = await soon(laptop, ([alarm]) => alarm?.acknowledged !== null);
    expect(seen?.acknowledged).toMatchObject({ by: "alice", reason: "seen it" });

    await web.startAgent();
    await until(
      "alice is told that it is over",
      () => posted.length > 1 && mail.mails.length > 1 && pages().length > 1,
    );
    await soon(laptop, (all) => all.length === 0);
    const said = (notices: readonly Notice[]) =>
      notices.map(({ state, alarm }) => `${state} ${alarm.kind} ${alarm.about}`);
    const whole = ["raised unreachable web-1", "resolved unreachable web-1"];
    expect(said(posted.map(({ notice }) => notice))).toEqual(whole);
    expect(said(pages())).toEqual(whole);
    expect(mail.mails.map((one) => /^Subject: (.*)$/m.exec(one.text)?.[1])).toEqual([
      "[homelab] critical: unreachable web-1",
      "[homelab] resolved: unreachable web-1",
    ]);
    for (const { headers, body } of posted) expect(isSigned(String(headers["lab-signature"]), body)).toBe(true);

    await laptop.run(["alarm", "silence", "server=web-1", "--for", "1h"]);
    await web.killAgent();
    const [silent] = await soon(nas, (all) => all.length === 1);
    expect(silent).toMatchObject({ about: "web-1", silenced: { by: "alice" }, delivered: [], acknowledged: null });
    expect([posted.length, mail.mails.length, pages().length]).toEqual([2, 2, 2]);
  });

  /** A program on this machine that keeps what it is told. */
  function install(home: Lab, machine: Machine): () => Notice[] {
    const log = join(home.root, "pages");
    writeFileSync(log, "");
    const folder = join(machine.home, "alarm.d");
    mkdirSync(folder, { mode: 0o755 });
    writeFileSync(join(folder, "keep"), `#!/bin/sh\ncat >> "${log}"\n`, { mode: 0o755 });
    return () =>
      readFileSync(log, "utf8")
        .trim()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Notice);
  }

  async function declare(home: Lab, machine: Machine): Promise<void> {
    const address = hook.address();
    const port = typeof address === "object" ? address?.port : 0;
    const file = join(home.root, "alarms.yaml");
    const receiver = `host: 127.0.0.1, port: ${mail.port}, tls: none`;
    writeFileSync(
      file,
      `labels:
  "*": { secrets: [alarms/key] }
secrets:
  alarms/key: { type: static }
servers:
  web-1: { alarm_after: 3s }
alarm_routes:
  hook: { webhook: { url: "http://127.0.0.1:${port}/", secret: alarms/key } }
  page: { command: { program: keep } }
  mail: { smtp: { ${receiver}, from: lab@example.org, to: alice@example.org } }
`,
    );
    await machine.run(["apply", "-f", file, "--yes"]);
    await machine.run(["secret", "set", "alarms/key"], { input: KEY });
  }
});

async function alarms(machine: Machine): Promise<readonly ShownAlarm[]> {
  return (await machine.json<{ items: ShownAlarm[] }>("get", "alarms")).items;
}

async function soon(machine: Machine, holds: (all: readonly ShownAlarm[]) => boolean): Promise<readonly ShownAlarm[]> {
  let all: readonly ShownAlarm[] = [];
  await until(`${machine.name} shows the alarms that it should`, async () => {
    all = await alarms(machine);
    return holds(all);
  });
  return all;
}

function isSigned(header: string, body: string): boolean {
  const [, time = "", signature = ""] = /^t=([0-9]+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  return createHmac("sha256", KEY).update(`${time}.${body}`).digest("hex") === signature;
}
