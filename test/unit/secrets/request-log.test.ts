import { describe, expect, test } from "vitest";
import { SimClock } from "../../../sim/clock.ts";
import { DiskFullError } from "../../../src/core/ports/disk.ts";
import type { AuditRecord } from "../../../src/core/ports/role.ts";
import { readGrants } from "../../../src/core/secrets/grant-log.ts";
import { RequestLog } from "../../../src/roles/secret-store/request-log.ts";

const HOUR_MS = 3_600_000;
const WEB_1 = "01".repeat(32);

class Notebook {
  readonly clock = new SimClock();
  readonly records: (AuditRecord & { timeMs: number })[] = [];
  disk: "well" | "full" = "well";

  async audit(record: AuditRecord): Promise<void> {
    if (this.disk === "full") throw new DiskFullError();
    this.records.push({ ...record, timeMs: this.clock.now() });
  }

  get lines(): string[] {
    return this.records.map(({ actor, object, decision, reason }) => `${actor} ${object} ${decision} ${reason}`.trim());
  }
}

function read(version: string, reason = ""): AuditRecord {
  const facts = { node: WEB_1, version };
  return { actor: "node:web-1", action: "secret.read", object: "web/tls", decision: "allowed", reason, facts };
}

function refusal(object: string): AuditRecord {
  return { actor: "node:mole", action: "secret.read", object, decision: "denied", reason: "not entitled" };
}

describe("what a store writes down of requests", () => {
  test("is a record before the first value, and one for all that is repeated within the hour", async () => {
    const notebook = new Notebook();
    const log = new RequestLog(notebook);
    for (let i = 0; i < 1000; i++) await log.allowed(read("v1"));
    expect(notebook.lines).toEqual(["node:web-1 web/tls allowed"]);
    await notebook.clock.runUntil(notebook.clock.monotonic() + HOUR_MS);
    await log.settle("ended");
    expect(notebook.lines).toEqual(["node:web-1 web/tls allowed", "node:web-1 web/tls allowed 999 more times"]);
    expect(readGrants("nas-1", notebook.records)).toMatchObject([
      { node: WEB_1, path: "web/tls", version: "v1", times: 1000 },
    ]);
  });

  test("is told anew for another version, for an unvouched answer, and in the next hour", async () => {
    const notebook = new Notebook();
    const log = new RequestLog(notebook);
    await log.allowed(read("v1"));
    await log.allowed(read("v2"));
    await log.allowed(read("v2", "unvouched"));
    await notebook.clock.runUntil(notebook.clock.monotonic() + HOUR_MS);
    await log.allowed(read("v1"));
    expect(notebook.records.map(({ facts, reason }) => `${facts?.["version"]} ${reason}`)).toEqual([
      "v1 ",
      "v2 ",
      "v2 unvouched",
      "v1 ",
    ]);
  });

  test("is on record before any of two requests at once is answered", async () => {
    const notebook = new Notebook();
    let release = (): void => undefined;
    const slow = new Promise<void>((resolve) => (release = resolve));
    const log = new RequestLog({ clock: notebook.clock, audit: (record) => slow.then(() => notebook.audit(record)) });
    const answered: number[] = [];
    const both = [1, 2].map((which) => log.allowed(read("v1")).then(() => answered.push(which)));
    await Promise.resolve();
    expect(answered).toEqual([]);
    release();
    await Promise.all(both);
    expect(notebook.lines).toEqual(["node:web-1 web/tls allowed"]);
  });

  test("does not grow with the names that a member tries", async () => {
    const notebook = new Notebook();
    const log = new RequestLog(notebook);
    for (let i = 0; i < 10_000; i++) await log.refused("mole", refusal(`guess/${i}`));
    await log.refused("other", { ...refusal("guess/0"), actor: "node:other" });
    expect(notebook.records).toHaveLength(9);
    await log.settle("all");
    expect(notebook.lines.at(-1)).toBe("node:mole (several) denied 9992 more requests were refused");
    expect(notebook.records).toHaveLength(10);
  });

  test("is owed while the disk is full, and told once when it is not", async () => {
    const notebook = new Notebook();
    const log = new RequestLog(notebook);
    notebook.disk = "full";
    await expect(log.allowed(read("v1"))).rejects.toThrow(DiskFullError);
    log.owe(read("v1"));
    await expect(log.settle("ended")).rejects.toThrow(DiskFullError);
    await log.allowed(read("v1"));
    notebook.disk = "well";
    await log.settle("ended");
    await log.settle("all");
    expect(notebook.lines).toEqual(["node:web-1 web/tls allowed", "node:web-1 web/tls allowed 1 more times"]);
  });
});
