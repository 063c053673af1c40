import { beforeEach, describe, expect, it } from "vitest";
import { parseTemplate, type Template } from "../../../src/core/delivery/template.ts";
import { LabError } from "../../../src/core/errors.ts";
import { Secret } from "../../../src/core/secret.ts";
import type { View } from "../../../src/core/view.ts";
import { SecretDelivery } from "../../../src/node/delivery/secret-delivery.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";
import type { CachedSecret, CacheEntry } from "../../../src/node/secrets/secret-cache.ts";
import { SimClock } from "../../../sim/clock.ts";
import { MemorySecretDirectory } from "./memory-directory.ts";

/** A cache with these values, and a machine where postfix is 101 and mail 8. */
class Bench {
  readonly values = new Map<string, { value: string; version: string; state: CacheEntry["state"] }>();
  /** Values that are valid besides, with their versions. */
  readonly before = new Map<string, string>();
  readonly declared = new Map<string, Record<string, unknown>>();
  readonly templates: Template[] = [];
  readonly directory = new MemorySecretDirectory();
  readonly clock = new SimClock();
  readonly reloaded: string[] = [];
  readonly logged: string[] = [];
  refused: { name: string; reason: string }[] = [];
  failing: string | null = null;
  own = { uid: 0, gid: 0 };
  changed: () => void = () => undefined;
  /** Called when a value is read, so that a test can change it in that very moment. */
  onRead: (path: string) => void = () => undefined;

  set(path: string, value: string, version = value): void {
    this.values.set(path, { value, version, state: "fresh" });
  }

  delivery(): SecretDelivery {
    const accounts = { postfix: 101, dovecot: 102, mail: 8 } as Readonly<Record<string, number>>;
    const idOf = (name: string) => Promise.resolve(accounts[name] ?? null);
    return new SecretDelivery({
      cache: {
        list: () =>
          [...this.values].map(([path, { version, state }]): CacheEntry => {
            return {
              path,
              version: state === "missing" ? null : version,
              state,
              fetchedMs: 0,
              refreshMs: null,
              before: this.#beforeOf(path),
            };
          }),
        held: (path): CachedSecret | null => {
          this.onRead(path);
          const held = this.values.get(path);
          if (held === undefined) return null;
          const value = new Secret(new Uint8Array(Buffer.from(held.value)));
          return { value, version: held.version, state: "fresh", fetchedMs: 0 };
        },
        heldBefore: (path): CachedSecret | null => {
          const held = this.before.get(path);
          if (held === undefined) return null;
          const value = new Secret(new Uint8Array(Buffer.from(held)));
          return { value, version: held, state: "stale", fetchedMs: 0 };
        },
        onChange: (listener) => {
          this.changed = listener;
          return () => undefined;
        },
      },
      self: { id: "me" },
      view: () => ({ desired: (path: string) => this.#winner(path) }) as unknown as View,
      directory: this.directory,
      accounts: { uidOf: idOf, gidOf: idOf },
      own: this.own,
      templates: () => Promise.resolve({ templates: this.templates, refused: this.refused }),
      reload: (unit) => {
        this.reloaded.push(unit);
        return unit === this.failing ? Promise.reject(new LabError("Failed", "it did not come up")) : Promise.resolve();
      },
      keys: createKeys(),
      clock: this.clock,
      log: { write: (...line) => this.logged.push(JSON.stringify(line)) },
      placed: () => Promise.resolve(),
    });
  }

  #beforeOf(path: string): CacheEntry["before"] {
    const version = this.before.get(path);
    return version === undefined ? null : { version, untilMs: 1000 };
  }

  #winner(path: string) {
    const value = this.declared.get(path.replace(/^secret\//, ""));
    return value === undefined ? undefined : { value };
  }
}

describe("the delivery of secrets", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
    bench.set("mail/tls", "tls-1");
    bench.set("mail/dkim", "dkim-1");
  });

  const contents = () => Object.fromEntries(bench.directory.contents);
  const settle = async (delivery: SecretDelivery) => {
    await bench.clock.runUntil(bench.clock.monotonic());
    await delivery.idle();
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };

  it("puts everything in place before it has started, and writes nothing while nothing changes", async () => {
    const delivery = bench.delivery();
    await delivery.start();
    expect(contents()).toEqual({ "mail/tls": "tls-1", "mail/dkim": "dkim-1" });
    delivery.request();
    await settle(delivery);
    expect(bench.directory.generations).toBe(1);
    expect(delivery.problems).toEqual([]);
  });

  it("tells a unit once for each change, whatever changed with it, and not at a start", async () => {
    for (const path of ["mail/tls", "mail/dkim"])
      bench.declared.set(path, { type: "static", reload: "postfix.service" });
    const delivery = bench.delivery();
    await delivery.start();
    expect(bench.reloaded).toEqual([]);
    bench.set("mail/tls", "tls-2");
    bench.set("mail/dkim", "dkim-2");
    bench.changed();
    await settle(delivery);
    expect(contents()).toEqual({ "mail/tls": "tls-2", "mail/dkim": "dkim-2" });
    expect(bench.reloaded).toEqual(["postfix.service"]);
    bench.changed();
    await settle(delivery);
    const next = bench.delivery();
    await next.start();
    expect(bench.reloaded).toEqual(["postfix.service"]);
  });

  it("places what comes while the first files are placed, and tells the unit that may have read those", async () => {
    bench.declared.set("mail/tls", { type: "static", reload: "postfix.service" });
    bench.directory.whileWriting = () => new Promise((resolve) => bench.clock.after(100, resolve));
    const delivery = bench.delivery();
    const started = delivery.start();
    await bench.clock.runUntil(50);
    bench.set("mail/dkim", "dkim-2");
    bench.set("mail/tls", "tls-2");
    bench.changed();
    await bench.clock.until(started);
    await bench.clock.runUntil(1000);
    await settle(delivery);
    expect(contents()).toEqual({ "mail/tls": "tls-2", "mail/dkim": "dkim-2" });
    expect(bench.reloaded).toEqual(["postfix.service"]);
  });

  it("puts the value before beside the new one while it is valid, and tells nobody when it goes", async () => {
    bench.declared.set("mail/tls", { type: "static", mode: "0440", reload: "postfix.service" });
    const delivery = bench.delivery();
    await delivery.start();
    bench.set("mail/tls", "tls-2");
    bench.before.set("mail/tls", "tls-1");
    bench.changed();
    await settle(delivery);
    expect(contents()).toMatchObject({ "mail/tls": "tls-2", "mail/tls.before": "tls-1" });
    const modes = new Map(delivery.files.map(({ name, access }) => [name, access.mode]));
    expect(modes.get("mail/tls.before")).toBe(modes.get("mail/tls"));
    bench.before.clear();
    bench.changed();
    await settle(delivery);
    expect(contents()).toEqual({ "mail/tls": "tls-2", "mail/dkim": "dkim-1" });
    expect(bench.reloaded).toEqual(["postfix.service"]);
  });

  it("says that a unit did not come up, and does not try it again until there is something new", async () => {
    bench.declared.set("mail/tls", { type: "static", reload: "postfix.service" });
    bench.failing = "postfix.service";
    const delivery = bench.delivery();
    await delivery.start();
    bench.set("mail/tls", "tls-2");
    bench.changed();
    await settle(delivery);
    expect(delivery.problems).toEqual([{ name: "postfix.service", reason: "it did not come up" }]);
    await bench.clock.runUntil(bench.clock.monotonic() + 600_000);
    await settle(delivery);
    expect(bench.reloaded).toEqual(["postfix.service"]);
  });

  it("takes away what the machine is entitled to no longer", async () => {
    const delivery = bench.delivery();
    await delivery.start();
    bench.values.delete("mail/tls");
    bench.values.set("mail/dkim", { value: "dkim-1", version: "dkim-1", state: "withheld" });
    bench.changed();
    await settle(delivery);
    expect(contents()).toEqual({});
  });

  it("gives files to whom they are declared to belong to, and to nobody where there is no such account", async () => {
    bench.declared.set("mail/tls", {
      type: "static",
      owner: "postfix",
      group: "mail",
      mode: "0440",
      readers: ["dovecot"],
    });
    bench.declared.set("mail/dkim", { type: "static", owner: "opendkim", mode: "0444" });
    const delivery = bench.delivery();
    await delivery.start();
    const access = Object.fromEntries(delivery.files.map((file) => [file.name, file.access]));
    expect(access).toEqual({
      "mail/tls": { uid: 101, gid: 8, mode: 0o440, readers: [102] },
      "mail/dkim": { uid: 0, gid: 0, mode: 0o400, readers: [] },
    });
    expect(delivery.problems).toEqual([{ name: "mail/dkim", reason: "opendkim: no such account here" }]);
  });

  it("says that an ordinary user cannot give files away", async () => {
    bench.own = { uid: 1000, gid: 1000 };
    bench.declared.set("mail/tls", { type: "static", owner: "postfix", mode: "0444" });
    const delivery = bench.delivery();
    await delivery.start();
    expect(delivery.files.map(({ access }) => access.mode)).toEqual([0o400, 0o400]);
    expect(delivery.problems).toEqual([{ name: "mail/tls", reason: "postfix: only root can give files to others" }]);
  });

  it("makes files from templates anew when a secret of theirs changes, and never with half of them", async () => {
    const text = "#lab reload: app.service\na={{ secret mail/tls }} b={{ secret mail/dkim }} c={{ secret no/such }}";
    bench.templates.push(parseTemplate("whole", Buffer.from(text.replace(/ c=.*/, ""))));
    bench.templates.push(parseTemplate("half", Buffer.from(text)));
    bench.refused = [{ name: "odd", reason: "templates/odd:1 - no" }];
    const delivery = bench.delivery();
    await delivery.start();
    expect(contents()).toMatchObject({ "templates.d/whole": "a=tls-1 b=dkim-1" });
    expect(bench.directory.contents.has("templates.d/half")).toBe(false);
    expect(delivery.problems).toEqual([
      { name: "templates.d/odd", reason: "templates/odd:1 - no" },
      { name: "templates.d/half", reason: "this machine does not have no/such" },
    ]);
    bench.set("mail/dkim", "dkim-2");
    bench.changed();
    await settle(delivery);
    expect(contents()).toMatchObject({ "templates.d/whole": "a=tls-1 b=dkim-2" });
    expect(bench.reloaded).toEqual(["app.service"]);
  });

  it("puts no value under the version of another, when one changes while it is placed", async () => {
    const delivery = bench.delivery();
    bench.onRead = (path) => {
      if (path === "mail/dkim" && bench.values.get("mail/tls")?.version === "tls-1") bench.set("mail/tls", "tls-2");
      if (path === "mail/tls" && bench.values.get("mail/dkim")?.version === "dkim-1") bench.set("mail/dkim", "dkim-2");
    };
    await delivery.start();
    expect(contents()).toEqual({});
    await settle(delivery);
    const versions = delivery.files.map(({ name, version }) => [name, version]);
    expect(versions).toEqual(Object.entries(contents()).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    expect(versions).toHaveLength(2);
  });

  it("keeps what is in place while nothing can be written, says so, and goes on by itself", async () => {
    const delivery = bench.delivery();
    await delivery.start();
    bench.directory.state = "full";
    bench.set("mail/tls", "tls-2");
    bench.changed();
    await settle(delivery);
    expect(contents()).toMatchObject({ "mail/tls": "tls-1" });
    expect(delivery.problems).toMatchObject([{ name: "all", reason: expect.stringContaining("no space") as string }]);
    bench.directory.state = "good";
    await bench.clock.runUntil(bench.clock.monotonic() + 10_000);
    await settle(delivery);
    expect(contents()).toMatchObject({ "mail/tls": "tls-2" });
    expect(delivery.problems).toEqual([]);
  });

  it("says what no store has given, and writes no value into its log", async () => {
    bench.values.set("web/key", { value: "", version: "", state: "missing" });
    const delivery = bench.delivery();
    await delivery.start();
    expect(delivery.problems).toEqual([{ name: "web/key", reason: "no store has given it yet" }]);
    expect(bench.logged.join()).toContain("delivery.placed");
    expect(bench.logged.join()).not.toMatch(/tls-1|dkim-1/);
  });
});
