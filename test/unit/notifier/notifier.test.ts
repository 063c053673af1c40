import { createHmac } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type AlarmChannel, readAlarmRoute } from "../../../src/core/model/alarm-route.ts";
import type { AlarmNotice } from "../../../src/core/ports/notifier.ts";
import { Secret } from "../../../src/core/secret.ts";
import { systemNotifier } from "../../../src/node/platform/notifier/notifier.ts";
import { mailOf } from "../../../src/node/platform/notifier/smtp.ts";
import { SmtpReceiver, CERTIFICATE, type ReceiverManner } from "../../smtp/receiver.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const NOTICE: AlarmNotice = {
  v: 1,
  mesh: "homelab",
  state: "raised",
  alarm: {
    id: "a1b2c3d4e5",
    kind: "unreachable",
    severity: "critical",
    about: "web-1",
    server: "web-1",
    detail: "web-1 cannot be reached",
    since: "2026-01-02T03:03:05.000Z",
    until: null,
  },
  route: "on-call",
  from: "nas-1",
  time: "2026-01-02T03:04:05.000Z",
  delivery: "a1b2c3d4e5 2026-01-02T03:03:05.000Z raised on-call",
};

const secret = (value: string) => new Secret(new TextEncoder().encode(value));

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "lab-notifier-"));
});
afterEach(() => rmSync(home, { recursive: true }));

function channel(record: object): AlarmChannel {
  const found = readAlarmRoute("r", record as never, []).channel;
  if (found === null) throw new Error("no channel");
  return found;
}

function send(to: AlarmChannel, key: Secret | null = null, notice = NOTICE): Promise<void> {
  return systemNotifier(home, { now: () => NOW_MS }).send(to, notice, key);
}

describe("a webhook", () => {
  const heard: { readonly url: string; readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  let answer: { readonly status: number; readonly headers?: Record<string, string> } | null;
  let server: Server;
  let url: string;

  beforeEach(async () => {
    heard.length = 0;
    answer = { status: 204 };
    server = createServer((request, response) => {
      void text(request).then((body) => {
        heard.push({ url: request.url ?? "", headers: request.headers, body });
        if (answer !== null) response.writeHead(answer.status, answer.headers).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/lab`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test("gets the notice as JSON, signed with the secret and the time", async () => {
    await send(channel({ webhook: { url, secret: "alarms/key" } }), secret("s3cret"));
    const [{ headers, body } = { headers: {} as IncomingHttpHeaders, body: "" }] = heard;
    expect(JSON.parse(body)).toEqual(NOTICE);
    const time = NOW_MS / 1000;
    const expected = createHmac("sha256", "s3cret").update(`${time}.${body}`).digest("hex");
    expect(headers["lab-signature"]).toBe(`t=${time},v1=${expected}`);
    expect(headers).toMatchObject({ "content-type": "application/json", "idempotency-key": NOTICE.delivery });
  });

  test("without a secret is not signed", async () => {
    await send(channel({ webhook: { url } }));
    expect(heard[0]?.headers["lab-signature"]).toBeUndefined();
  });

  test("that redirects or fails has not taken it, and nobody follows", async () => {
    answer = { status: 302, headers: { location: `${url}/elsewhere` } };
    await expect(send(channel({ webhook: { url } }))).rejects.toThrow(/answered 302/);
    answer = { status: 503 };
    await expect(send(channel({ webhook: { url } }))).rejects.toThrow(/answered 503/);
    expect(heard.map((request) => request.url)).toEqual(["/lab", "/lab"]);
  });

  test("that does not answer in time, or is not there, has not taken it", async () => {
    answer = null;
    await expect(send(channel({ webhook: { url, timeoutSeconds: 0.2 } }))).rejects.toThrow(/not answered for 0.2 s/);
    await expect(send(channel({ webhook: { url: "http://127.0.0.1:1/" } }))).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe("a program", () => {
  function install(name: string, script: string, mode = 0o755): void {
    mkdirSync(join(home, "alarm.d"), { recursive: true, mode: 0o755 });
    writeFileSync(join(home, "alarm.d", name), `#!/bin/sh\n${script}\n`, { mode });
    chmodSync(join(home, "alarm.d", name), mode);
  }
  const named = (program: string, more: object = {}) => channel({ command: { program, ...more } });

  test("gets the notice on its standard input, no arguments, and hardly any environment", async () => {
    process.env["LAB_TEST_UNTOLD"] = "1";
    install("page", `cat > "${home}/got"; echo "$#" > "${home}/arguments"; env > "${home}/env"`);
    await send(named("page"));
    delete process.env["LAB_TEST_UNTOLD"];
    expect(JSON.parse(readFileSync(join(home, "got"), "utf8"))).toEqual(NOTICE);
    expect(readFileSync(join(home, "arguments"), "utf8")).toBe("0\n");
    expect(readFileSync(join(home, "env"), "utf8")).not.toContain("UNTOLD");
  });

  test("that fails says why", async () => {
    install("page", "echo no such pager >&2; exit 3");
    await expect(send(named("page"))).rejects.toThrow("page ended with 3: no such pager");
  });

  test("that does not end is ended, and all that it started", async () => {
    install("page", `(sleep 1; touch "${home}/late") & sleep 60`);
    await expect(send(named("page", { timeoutSeconds: 0.2 }))).rejects.toThrow(/has not ended within/);
    await new Promise((resolve) => setTimeout(resolve, 1300));
    expect(existsSync(join(home, "late"))).toBe(false);
  });

  test("stands in the folder of the home, belongs to nobody else, and can be run", async () => {
    install("page", "exit 0");
    install("loose", "exit 0", 0o777);
    install("text", "exit 0", 0o644);
    symlinkSync("/bin/true", join(home, "alarm.d", "link"));
    await expect(systemNotifier(home, { now: () => 0 }).programs()).resolves.toEqual(["page"]);
    await expect(send(named("loose"))).rejects.toThrow(/can be changed by others/);
    await expect(send(named("text"))).rejects.toThrow(/cannot be run/);
    await expect(send(named("link"))).rejects.toThrow(/links are not followed/);
    await expect(send(named("absent"))).rejects.toThrow(/not on this machine/);
    await expect(send(named("../../bin/true"))).rejects.toThrow(/not the name of a program/);
  });

  test("is none where there is no folder", async () => {
    await expect(systemNotifier(home, { now: () => 0 }).programs()).resolves.toEqual([]);
  });
});

describe("a mail", () => {
  let receiver: SmtpReceiver;
  const authorities = getCACertificates("default");
  afterEach(async () => {
    setDefaultCACertificates(authorities);
    await receiver.close();
  });

  async function deliver(manner: ReceiverManner, more: object, password: Secret | null = null): Promise<void> {
    receiver = await SmtpReceiver.open(manner);
    const to = ["ops@example.org", "alice@example.org"];
    const smtp = { host: "localhost", port: receiver.port, from: "lab@example.org", to, ...more };
    await send(channel({ smtp }), password);
  }

  const trust = () => setDefaultCACertificates([...authorities, readFileSync(CERTIFICATE, "utf8")]);

  test("goes to everybody who is named, in the clear where TLS is not offered", async () => {
    await deliver({ offers: [] }, {});
    expect(receiver.mails).toMatchObject([
      { from: "lab@example.org", to: ["ops@example.org", "alice@example.org"], security: "clear", login: null },
    ]);
    const [head = "", body = ""] = receiver.mails[0]?.text.split("\n\n") ?? [];
    expect(head).toContain("Subject: [homelab] critical: unreachable web-1\n");
    expect(head).toContain("Date: Fri, 02 Jan 2026 03:04:05 +0000\n");
    expect(Buffer.from(body, "base64").toString()).toContain("web-1 cannot be reached\r\n");
  });

  test("goes under TLS where that is offered, and the password only then", async () => {
    trust();
    await deliver({}, { username: "lab", password: "mail/lab" }, secret("s3cret"));
    expect(receiver.mails).toMatchObject([{ security: "tls", login: "lab:s3cret" }]);
    expect(receiver.clear.join("\n")).not.toMatch(/AUTH|MAIL/);
  });

  test("goes nowhere, and no password either, when TLS is not offered to whoever logs in", async () => {
    const sent = deliver({ offers: ["AUTH PLAIN"] }, { username: "lab", password: "mail/lab" }, secret("s3cret"));
    await expect(sent).rejects.toThrow(/offers no TLS/);
    expect(receiver.clear.join("\n")).not.toMatch(/AUTH|MAIL/);
  });

  test("goes nowhere when the server cannot prove its name", async () => {
    await expect(deliver({}, {})).rejects.toThrow(/self-signed certificate/);
    expect(receiver.mails).toEqual([]);
  });

  test.each([
    ["a refused recipient", { RCPT: "550 no such user" }, /RCPT TO:<ops@example.org>: 550 no such user/],
    ["a refused login", { AUTH: "535 wrong password" }, /answered to AUTH: 535 wrong password/],
    ["a server that never stops", { EHLO: "250-x\r\n".repeat(4000) }, /answers without end/],
    ["a server that says nothing", { MAIL: "" }, /has not taken the mail within/],
  ])("of %s is told in words, without the password", async (_, answers, why) => {
    trust();
    const sent = deliver({ answers }, { username: "lab", password: "mail/lab", timeoutSeconds: 1 }, secret("s3cret"));
    const error = await sent.catch((reason: unknown) => reason as Error);
    expect((error as Error).message).toMatch(why);
    expect((error as Error).message).not.toMatch(/s3cret|czNjcmV0/);
  });

  test("that says more before TLS than it was asked is not believed", async () => {
    trust();
    await expect(
      deliver({ answers: { STARTTLS: "220 go on\r\n250 and yes to what you ask next" } }, {}),
    ).rejects.toThrow(/says more before TLS/);
  });

  test("cannot be given headers, recipients or an early end by what things are called", () => {
    const evil = "x\r\nBcc: everybody@example.org\r\n\r\n.\r\nMAIL FROM:<evil@example.org>";
    const alarm = { ...NOTICE.alarm, about: evil, detail: `${evil} é ☃`.repeat(20) };
    const mail = mailOf({ from: "lab@example.org", to: ["ops@example.org"] }, { ...NOTICE, mesh: evil, alarm });
    const [head = "", ...rest] = mail.split("\n\n");
    expect(rest).toHaveLength(1);
    const fields = head
      .replaceAll("\n ", " ")
      .split("\n")
      .map((line) => line.split(":")[0]);
    expect(fields).toEqual([
      "From",
      "To",
      "Subject",
      "Date",
      "Message-ID",
      "Auto-Submitted",
      "MIME-Version",
      "Content-Type",
      "Content-Transfer-Encoding",
    ]);
    expect(mail.split("\n").every((line) => line.length <= 78 && /^[\x20-\x7e]*$/.test(line))).toBe(true);
    expect(rest[0]).toMatch(/^[A-Za-z0-9+/=\n]+$/);
  });
});
