import { describe, expect, test } from "vitest";
import {
  ERROR_KINDS,
  exitCodeOf,
  httpStatusOf,
  LabError,
  NotFoundError,
  SealBrokenError,
} from "../../../src/core/errors.ts";
import { DiskFailedError, DiskFullError } from "../../../src/core/ports/disk.ts";
import { PeerFailedError, PeerTimeoutError, PeerUnreachableError } from "../../../src/core/ports/link.ts";

const KEY = "ab".repeat(32);

describe("an error", () => {
  test("has a code that is its name, facts for people, and the cause", () => {
    const cause = new Error("below");
    const error = new LabError("Conflict", "two writes", { hint: "lab resolve", field: "labels.role" }, { cause });
    expect(error).toMatchObject({ name: "Conflict", code: "Conflict", message: "two writes", cause });
    expect(error.facts).toEqual({ hint: "lab resolve", field: "labels.role" });
    expect(error).toBeInstanceOf(Error);
  });

  test("of every class has a code from the table", () => {
    const errors = [
      new NotFoundError("node", "nas-1"),
      new SealBrokenError(),
      new DiskFullError(),
      new DiskFailedError("closed"),
      new PeerUnreachableError(KEY, "refused"),
      new PeerTimeoutError(KEY, 5000),
      new PeerFailedError(KEY, "no such channel"),
    ];
    for (const error of errors) expect(Object.keys(ERROR_KINDS), error.message).toContain(error.code);
  });

  test("names what is missing and what is near", () => {
    const error = new NotFoundError("node", "nas1", ["nas-1", "nas-2"]);
    expect(error.message).toBe('node "nas1" does not exist');
    expect(error.facts).toMatchObject({ notes: ["nearest: nas-1, nas-2"] });
    expect(new NotFoundError("node", "x").facts.notes).toEqual([]);
  });

  test("of a peer names it briefly in the message and wholly in the facts", () => {
    for (const error of [new PeerUnreachableError(KEY, "refused"), new PeerTimeoutError(KEY, 5000)]) {
      expect(error.message).toContain("peer abababababab ");
      expect(error.message).not.toContain(KEY);
      expect(error.facts.peer).toBe(KEY);
    }
  });
});

describe("the table of codes", () => {
  test("gives every code an exit code above zero and an HTTP status that is an error", () => {
    for (const [code, { exit, http }] of Object.entries(ERROR_KINDS)) {
      expect(exit, code).toBeGreaterThan(0);
      expect(exit, code).toBeLessThan(256);
      expect(http, code).toBeGreaterThanOrEqual(400);
      expect(http, code).toBeLessThan(600);
    }
  });

  test("answers for its codes, and for others with the exit code and status of a failure", () => {
    expect([exitCodeOf("Usage"), httpStatusOf("Usage")]).toEqual([2, 400]);
    expect([exitCodeOf("NotFound"), httpStatusOf("NotFound")]).toEqual([5, 404]);
    expect([exitCodeOf("Timeout"), httpStatusOf("Timeout")]).toEqual([124, 504]);
    expect([exitCodeOf("NobodyKnows"), httpStatusOf("NobodyKnows")]).toEqual([1, 500]);
  });
});
