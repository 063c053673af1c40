import { expect, test } from "vitest";
import { runRaces } from "../../sim/races.ts";

test("of several strangers with one token one becomes a member, while the mesh is cut and coordinators lose power", async () => {
  const { violations, sometimes, faults } = await runRaces({ seed: "2", rounds: 4, tokens: 6 });
  expect(violations).toEqual([]);
  expect(faults).toMatchObject({ cut: 4, race: 24 });
  expect(sometimes).toMatchObject({
    enrolled: 24,
    "enrolled again": expect.any(Number) as number,
    "no answer": expect.any(Number) as number,
    refused: expect.any(Number) as number,
  });
});

test("the same seed takes the same way", async () => {
  const [first, second] = [await runRaces(SMALL), await runRaces(SMALL)];
  expect(first.traceHash).toBe(second.traceHash);
});

const SMALL = { seed: "3", rounds: 1, tokens: 3 };
