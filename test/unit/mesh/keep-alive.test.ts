import type { Connection } from "@libp2p/interface";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KeepAlive } from "../../../src/mesh/libp2p/keep-alive.ts";

describe("a connection is asked whether it lives", () => {
  let answers: (() => void)[];
  let asked: number;
  let spokeMs: number;
  let aborted: string[];
  let connection: Connection;
  let keepAlive: KeepAlive;

  beforeEach(() => {
    vi.useFakeTimers();
    [answers, asked, aborted] = [[], 0, []];
    connection = { abort: (error: Error) => void aborted.push(error.message) } as Connection;
    spokeMs = Date.now();
    keepAlive = new KeepAlive({
      silentMs: () => Date.now() - spokeMs,
      ping: () => {
        asked++;
        return new Promise<void>((resolve) => answers.push(resolve));
      },
    });
    keepAlive.opened(connection);
  });

  afterEach(() => {
    keepAlive.stop();
    vi.useRealTimers();
  });

  const answer = async () => {
    spokeMs = Date.now();
    for (const give of answers.splice(0)) give();
    await vi.advanceTimersByTimeAsync(0);
  };

  it("every ten seconds, as long as it answers", async () => {
    for (let i = 1; i <= 5; i++) {
      await vi.advanceTimersByTimeAsync(10_000);
      expect(asked).toBe(i);
      await answer();
    }
    expect(aborted).toEqual([]);
  });

  it("but after the first time not while it speaks anyway", async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    await answer();
    for (let i = 0; i < 5; i++) {
      await vi.advanceTimersByTimeAsync(7_000);
      spokeMs = Date.now();
    }
    await vi.advanceTimersByTimeAsync(9_999);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toBe(2);
  });

  it("and ended when it does not, but not for a pause of ten seconds", async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    await vi.advanceTimersByTimeAsync(10_000);
    await answer();
    expect(aborted).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000 + 11_999);
    expect(aborted).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(aborted).toEqual(["no answer for 12000 ms"]);
  });

  it("and forgiven when it was this process that stood still", async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    // One timer that is long due, and then what has come in the meantime.
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(11_000);
    await answer();
    await vi.advanceTimersByTimeAsync(9_000);
    expect(aborted).toEqual([]);
  });

  it("and ended at once when there is nobody to ask", async () => {
    const failing = new KeepAlive({ silentMs: () => 10_000, ping: () => Promise.reject(new Error("no muxer")) });
    failing.opened(connection);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(aborted).toEqual(["no muxer"]);
    failing.closed(connection);
  });

  it("and left alone once it is closed", async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    keepAlive.closed(connection);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([asked, aborted]).toEqual([1, []]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
