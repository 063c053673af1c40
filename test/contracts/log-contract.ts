import { beforeEach, describe, expect, test } from "vitest";
import { ascii, toBase64Url, toHex } from "../../src/core/bytes.ts";
import { LabError, SealBrokenError } from "../../src/core/errors.ts";
import type { Log } from "../../src/core/ports/log.ts";
import { Secret } from "../../src/core/secret.ts";

export interface LogUnderTest {
  readonly log: Log;
  /** All that a person could read of it. */
  readonly shown: () => string;
}

/** What every Log does. */
export function logContract(name: string, setup: () => LogUnderTest): void {
  describe(`${name} as a log`, () => {
    let log: Log;
    let shown: LogUnderTest["shown"];
    beforeEach(() => {
      ({ log, shown } = setup());
    });

    test("shows events and their facts", () => {
      log.write("info", "peer connected", { peer: "nas-1", attempts: 3 });
      expect(shown()).toContain("peer connected");
      expect(shown()).toContain("nas-1");
      expect(shown()).toContain("3");
    });

    test("never shows a secret, however it is wrapped", () => {
      const password = "correct horse battery staple";
      const secret = new Secret(ascii(password));
      const holder = new LabError("Failed", `could not open with ${String(secret)}`, {}, { cause: { secret } });
      class Vault {
        readonly inner = secret;
      }
      log.write("error", "opened", { secret });
      log.write("error", "opened", { nested: { list: [secret, { secret }] }, map: new Map([["k", secret]]) });
      log.write("error", "opened", { set: new Set([secret]), vault: new Vault(), error: holder });
      log.write("error", "opened", { text: String(secret), joined: [secret, secret].join(" ") });

      expect(shown()).toContain("[secret]");
      const bytes = ascii(password);
      for (const spelling of [password, toHex(bytes), toBase64Url(bytes), btoa(password), [...bytes].join(",")]) {
        expect(shown()).not.toContain(spelling);
      }
      expect(shown()).not.toMatch(/99,\s*111,\s*114/);
    });

    test("shows an error by its code and message", () => {
      log.write("warn", "unreadable", { error: new SealBrokenError() });
      expect(shown()).toContain("SealBroken");
      expect(shown()).toContain("a sealed value is damaged or was altered");
    });

    test("takes every fact there is", () => {
      const loop: Record<string, unknown> = { name: "loop" };
      loop["self"] = loop;
      const hostile = {
        get trap(): string {
          throw new Error("do not look");
        },
      };
      const facts = {
        big: 2n ** 70n,
        loop,
        bytes: new Uint8Array([1, 2, 3]),
        nothing: null,
        missing: undefined,
        call: () => 1,
        symbol: Symbol("s"),
        date: new Date(Number.NaN),
        numbers: [Number.NaN, Number.POSITIVE_INFINITY, -0],
        hostile,
      };
      log.write("error", "everything", facts);
      expect(shown()).toContain("everything");
      expect(shown()).toContain("1180591620717411303424");
    });

    test("takes an event without facts", () => {
      log.write("error", "stopped");
      expect(shown()).toContain("stopped");
    });
  });
}
