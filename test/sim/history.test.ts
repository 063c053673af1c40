import { describe, expect, it } from "vitest";
import { History } from "../../sim/history.ts";

const PATH = "server/n1/label/web";

function write(history: History, operator: string, seq: number, ms: number, value: unknown, over: string[] = []) {
  const entry = `${operator} ${seq}`;
  const clock = { ms, count: 0 };
  history.wrote({ operator, log: operator, seq, entry, hlc: clock, path: PATH, value: value as never, over });
  return entry;
}

describe("the record of what honest hands did", () => {
  it("lets a write that saw another one stand in its place, whatever the clocks say", () => {
    const history = new History();
    const first = write(history, "alice", 1, 9_000, true);
    write(history, "bob", 1, 10, undefined, [first]);
    expect(history.winner(PATH)?.operator).toBe("bob");
    expect(history.isContested(PATH)).toBe(false);
    expect(history.labelsOf("n1")).toEqual([]);
  });

  it("lets the later clock win among writes that did not see each other, and calls that a contest", () => {
    const history = new History();
    write(history, "alice", 1, 20, true);
    write(history, "bob", 1, 10, undefined);
    expect(history.winner(PATH)?.operator).toBe("alice");
    expect(history.isContested(PATH)).toBe(true);
    expect(history.labelsOf("n1")).toEqual(["web"]);
  });

  it("goes on with every write, also after it was asked", () => {
    const history = new History();
    write(history, "alice", 1, 10, true);
    expect([history.winner(PATH)?.seq, history.labelsOf("n1")]).toEqual([1, ["web"]]);
    history.granted("n1", "coordinator");
    expect(history.labelsOf("n1")).toEqual(["coordinator", "web"]);
    write(history, "alice", 2, 11, undefined);
    expect(history.labelsOf("n1")).toEqual(["coordinator"]);
    history.withdrew("n1", "coordinator");
    expect([history.winner(PATH)?.seq, history.labelsOf("n1")]).toEqual([2, []]);
  });

  it("counts only the last word of each hand", () => {
    const history = new History();
    write(history, "alice", 1, 10, true);
    write(history, "alice", 2, 11, undefined);
    expect(history.winner(PATH)?.seq).toBe(2);
    expect(history.everLabelled("n1", "web")).toBe(true);
    expect(history.everLabelled("n1", "db")).toBe(false);
  });

  it("gives and takes roles in the order in which it was told", () => {
    const history = new History();
    history.granted("n1", "coordinator");
    history.withdrew("n1", "coordinator");
    expect(history.labelsOf("n1")).toEqual([]);
    expect(history.everLabelled("n1", "coordinator")).toBe(true);
  });
});
