import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { CollectingLog, droppingLog } from "../../../sim/log.ts";
import { Secret } from "../../../src/core/secret.ts";
import { logContract } from "../../contracts/log-contract.ts";

logContract("a simulated machine's log", () => {
  const log = new CollectingLog();
  return { log, shown: () => inspect(log.records, { depth: null }) };
});

describe("a simulated machine's log", () => {
  test("keeps facts as they were handed over, so that a checker sees what leaked", () => {
    const log = new CollectingLog();
    const bytes = new Uint8Array([1, 2, 3]);
    const secret = new Secret(bytes);
    log.write("info", "opened", { secret, bytes });
    expect(log.records[0]?.facts["secret"]).toBe(secret);
    expect(log.records[0]?.facts["bytes"]).toBe(bytes);
  });

  test("can be dropped", () => {
    expect(() => droppingLog.write("error", "nobody reads this")).not.toThrow();
  });
});
