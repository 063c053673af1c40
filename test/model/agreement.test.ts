import { describe, expect, it } from "vitest";
import { disagreementOf, disagreement } from "./agreement.ts";
import { COUNTEREXAMPLES } from "./counterexamples.ts";

const HISTORIES = 20_000;

describe("what ships says what the model says", () => {
  it(`of ${HISTORIES} random histories, signed entry by signed entry`, { timeout: 300_000 }, () => {
    for (let i = 0; i < HISTORIES; i++) expect(disagreementOf(`test/${i}`)).toBeNull();
  });

  it.each(Object.entries(COUNTEREXAMPLES))("where %s", (_name, history) => {
    expect(disagreement(history)).toBeNull();
  });
});
