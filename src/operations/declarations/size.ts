import * as z from "zod";
import { emptyable, name, quantity } from "./fields.ts";

const cores = z.int().min(1, "at least one core").max(65_536, "at most 65,536 cores");

const providerValue = z.union([z.string().max(200), z.number(), z.boolean()]);

export const sizeSpec = z
  .strictObject({
    abstract: emptyable(
      z.strictObject({
        cores: cores.optional().describe("Number of cores."),
        memory: quantity.optional().describe("Memory: 8GB is 8·10⁹ bytes, 8GiB is 8·2³⁰."),
        disk: quantity.optional().describe("Size of the first disk."),
      }),
    )
      .optional()
      .describe("What the size means on any provider."),
    providers: emptyable(z.record(name("a provider"), emptyable(z.record(z.string().max(63), providerValue))))
      .optional()
      .describe("What it means on one provider, in that provider's words: instance_type, cores, memory, min_cores …"),
  })
  .describe("A size of machines by name, and what stands for it on each provider.");
