import { expect, it } from "vitest";
import { startsDiffer } from "./starts.ts";

const HISTORIES = 1_000;
/** One in twenty lets anything go. */
const DROPPING_HISTORIES = 4_000;

it(`a replica that starts from what it summed up shows what one shows that lived on: ${HISTORIES} random histories`, {
  timeout: 120_000,
}, async () => {
  for (let i = 0; i < HISTORIES; i++) expect(await startsDiffer(`test/${i}`, "sum up")).toBeNull();
});

it(`one that let go of what lies below pins does so too, or doubts it and asks: ${DROPPING_HISTORIES} random histories`, {
  timeout: 120_000,
}, async () => {
  const met = { drops: 0, doubts: 0, given: 0 };
  for (let i = 0; i < DROPPING_HISTORIES; i++) expect(await startsDiffer(`drops/${i}`, "drop", met)).toBeNull();
  expect(met.drops).toBeGreaterThan(100);
  expect(met.doubts).toBeGreaterThan(10);
  expect(met.given).toBeGreaterThan(50);
});
