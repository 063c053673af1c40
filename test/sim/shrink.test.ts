import { expect, it } from "vitest";
import { draw } from "../../sim/diagram.ts";
import { type RunOptions, run, runInFull } from "../../sim/run.ts";
import { shrink } from "../../sim/shrink.ts";
import type { World } from "../../sim/world.ts";

/** Takes part in what it looks for: a machine that lost power while the mesh was cut. */
const crashInCut = ({ acts }: World): string | null =>
  acts.met.has("crash × the mesh is cut") ? "a power cut behind a cut" : null;

it("finds the few acts that a failure needs, and a command that repeats it", async () => {
  const options: RunOptions = { seed: "1", minutes: 2, nodes: 5, unwanted: crashInCut };
  const failed = await runInFull(options);
  expect(failed.report.violations).toHaveLength(1);
  expect(failed.acts.length).toBeGreaterThan(20);

  const small = await shrink(options, failed);
  expect(small.options.nodes).toBe(3);
  expect(small.outcome.acts.map(({ family }) => family).sort()).toEqual(["crash", "cut"]);
  expect(await run(small.options)).toEqual(small.outcome.report);
}, 60_000);

it("draws machines side by side, time downwards, and who told whom", () => {
  const drawing = draw(
    ["nas-1", "web-1", "db-1"],
    [
      { atMs: 5, scene: "starts", machine: "nas-1" },
      { atMs: 5, scene: "starts", machine: "db-1" },
      { atMs: 1_200, scene: "act", number: 1, kind: "alice at work", who: ["nas-1"] },
      { atMs: 1_210, scene: "learns", machine: "nas-1", from: null, entries: ["1:0a3f"] },
      { atMs: 1_244, scene: "learns", machine: "db-1", from: "nas-1", entries: ["1:0a3f"] },
      { atMs: 2_000, scene: "act", number: 2, kind: "crash", who: ["db-1"] },
      { atMs: 2_100, scene: "act", number: 3, kind: "cut in two", who: ["nas-1", "web-1"] },
      { atMs: 3_000, scene: "act", number: 4, kind: "replay", who: [] },
      { atMs: 4_000, scene: "violation", check: "reference", detail: "nas-1 shows what nobody gave" },
    ],
  );
  expect(`\n${drawing}\n`).toBe(`
         nas-1         web-1         db-1
   0.005 ┬ starts
   0.005 │                           ┬ starts
   1.200 ╳ alice at work #1          │
   1.210 ◆ 1:0a3f                    │
   1.244 ●───────────────────────────▶ 1:0a3f
   2.000 │                           ╳ crash #2
   2.100 ╳             ╳ cut in two #3
   3.000 ── replay #4 ──
   4.000 !! reference: nas-1 shows what nobody gave
`);
});

it("draws no wider than a terminal, and says how many machines are to the right of it", () => {
  const machines = Array.from({ length: 12 }, (_, i) => `web-${i + 1}`);
  const drawing = draw(machines, [
    ...machines.map((machine) => ({ atMs: 5, scene: "starts", machine }) as const),
    { atMs: 9, scene: "learns", machine: "web-12", from: "web-1", entries: ["1:0a3f"] },
  ]);
  const lines = drawing.split("\n");
  expect(lines.filter((line) => [...line].length > 80)).toEqual([]);
  expect(lines.at(-1)).toBe(`${" ".repeat(9)}… and to the right: 4 machines`);
});
