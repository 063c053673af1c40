import { expect, it } from "vitest";
import { startsDiffer } from "./starts.ts";

const HISTORIES = 1_000;

it(`a replica that starts from what it summed up shows what one shows that lived on: ${HISTORIES} random histories`, {
  timeout: 120_000,
}, async () => {
  for (let i = 0; i < HISTORIES; i++) expect(await startsDiffer(`test/${i}`)).toBeNull();
});
