import { expect, test } from "vitest";
import { seededRandom } from "../../sim/random.ts";
import { attempt, type Finding, fuzz } from "./fuzz.ts";
import { targets } from "./targets.ts";

/** `npm run fuzz` tries as many as time allows. */
const TIMES = 1_500;

const all = await targets();

test.each(all)("$name: what is right is understood", async (target) => {
  for (const sample of target.samples) expect(await attempt(target, sample)).toBe("understood");
});

test.each(all)("$name: what is almost right is refused or understood, and nothing else happens", async (target) => {
  const findings: Finding[] = [];
  const random = seededRandom(`fuzz ${target.name}`);
  await fuzz(target, random, TIMES, (finding) => findings.push(finding));
  expect(findings.slice(0, 3)).toEqual([]);
});
