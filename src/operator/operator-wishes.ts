import { LabError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { type Need, RIGHTS, type Right } from "../crdt/authority/bodies.ts";

/** `admin,ops`. Throws `Usage`. */
export function readRights(text: string | undefined): readonly Right[] {
  if (text === undefined) return RIGHTS;
  const words = text.split(",").map((word) => word.trim());
  for (const word of words) {
    if ((RIGHTS as readonly string[]).includes(word)) continue;
    throw new LabError("Usage", `there is no right "${word}"`, {
      field: "rights",
      notes: nearest(word, RIGHTS).map((near) => `nearest: ${near}`),
      hint: `some of: ${RIGHTS.join(",")}`,
    });
  }
  return RIGHTS.filter((right) => words.includes(right));
}

/** `admin=2,destroy=2`; what is not named needs one key. Throws `Usage`. */
export function readNeed(text: string | undefined): Need {
  const need = { admin: 1, destroy: 1 };
  for (const part of text === undefined ? [] : text.split(",")) {
    const [, right, count] = /^\s*(admin|destroy)=([1-9]\d?)\s*$/.exec(part) ?? [];
    if (right !== "admin" && right !== "destroy") {
      throw new LabError("Usage", `--need cannot be "${part}"`, { field: "need", hint: "--need admin=2,destroy=2" });
    }
    need[right] = Number(count);
  }
  return need;
}

/** A rank that a key of rank `own` can grant; default one below it. Throws `Usage`. */
export function readRank(text: string | undefined, own: number): number {
  if (text === undefined) return own + 1;
  const rank = Number(text);
  if (/^[1-9]\d{0,5}$/.test(text) && rank >= own) return rank;
  throw new LabError("Usage", `--rank cannot be "${text}"`, {
    field: "rank",
    notes: [`your own rank is ${own}; a larger number is less power, and nobody grants more than he has`],
    hint: `--rank ${own + 1}`,
  });
}
