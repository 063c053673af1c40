import type { Mutant } from "../mutant.ts";

const run = ["--copies"];

/** Guards around the copies that a store keeps elsewhere. */
export const COPY_MUTANTS: readonly Mutant[] = [
  {
    name: "a forged copy is sealed anew as if it were the store's own",
    file: "src/roles/secret-store/age-directory.ts",
    guard: "if (file === null || toHex(keys.hash(file)) !== written.file) throw new SealBrokenError();",
    without: "if (file === null) throw new SealBrokenError();",
    run,
  },
  {
    name: "a copy stays sealed to whoever lost its label",
    file: "src/roles/secret-store/age-directory.ts",
    guard: "written !== null && written.readers !== this.#digest(this.#parts.readers(held.path));",
    without: 'written !== null && written.readers === "";',
    run,
  },
  {
    name: "a copy outlives the stores that alone may serve its value",
    file: "src/roles/secret-store/copies.ts",
    guard: "return !strict && maxStaleSeconds === null;",
    without: "return !strict || maxStaleSeconds === null;",
    run,
  },
  {
    name: "a copy is sealed to machines and not on record",
    file: "src/roles/secret-store/copies.ts",
    guard: "if (!readers.includes(seal)) continue;",
    without: 'if (!readers.includes(seal) || version !== "") continue;',
    run,
  },
  {
    name: "a first copy that a crash left out is taken for damage",
    file: "src/roles/secret-store/age-directory.ts",
    guard: '...(isFirst ? { before: "nothing" } : {})',
    without: "...{}",
    run,
  },
  {
    name: "the note beside a copy does not say what was there before",
    file: "src/roles/secret-store/age-directory.ts",
    guard: "before === null ? [next] : [next, before]",
    without: "before === null ? [next] : [next]",
    run,
  },
];
