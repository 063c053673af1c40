import type { SecretDeclaration } from "../model/secret-declaration.ts";
import type { Random } from "../ports/random.ts";
import type { Secret } from "../secret.ts";
import { ALPHABET_NAMES, type AlphabetName, randomValue } from "./random-value.ts";

/**
 * Makes the values of the secrets whose declaration names it. Asked by one store at a time, and again from the start
 * when that store died: a value that nobody saw is forgotten. Throws when it cannot; the store comes again.
 */
export interface Generator {
  /** As `generator` of a declaration says it. */
  readonly name: string;
  /** A fresh value; the caller wipes it. */
  generate(request: GeneratorRequest): Promise<Secret>;
}

export interface GeneratorRequest {
  readonly declaration: SecretDeclaration;
  readonly random: Random;
}

const DEFAULT_LENGTH = 32;

/** 32 letters and digits have 190 bits. */
export const randomGenerator: Generator = {
  name: "random",
  generate: async ({ declaration: { length, alphabet }, random }) => {
    const known = ALPHABET_NAMES.find((name) => name === alphabet) satisfies AlphabetName | undefined;
    return randomValue(random, length ?? DEFAULT_LENGTH, known ?? "letters-digits");
  },
};

/** By name. Others declare themselves here; a name that none of them has is left to whoever sets the value by hand. */
export const GENERATORS: ReadonlyMap<string, Generator> = new Map([[randomGenerator.name, randomGenerator]]);
