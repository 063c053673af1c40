import * as z from "zod";
import { jsonValue, listOf } from "./fields.ts";

const className = z
  .string()
  .max(200, "the name of a class has at most 200 characters")
  .regex(/^[a-z][a-z0-9_]*(::[a-z][a-z0-9_]*)*$/, {
    error: ({ input }) => `"${String(input)}" is not the name of a Puppet class`,
  });

const parameterName = z.string().regex(/^[a-z][a-z0-9_]*$/, {
  error: ({ input }) => `"${String(input)}" is not the name of a parameter`,
});

/** `{ dovecot: { ssl: true } }`: one class, and what it is told. */
const classWithParameters = z
  .record(className, z.union([z.null(), z.record(parameterName, jsonValue)]))
  .refine((value) => Object.keys(value).length === 1, { error: "a class with parameters is a map with one key" });

export function puppetClasses() {
  return listOf(z.union([className, classWithParameters]));
}
