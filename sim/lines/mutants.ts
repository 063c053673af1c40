import type { Mutant } from "../mutant.ts";

const run = ["--lines"];

/** Guards of the lines that small questions share. */
export const LINE_MUTANTS: readonly Mutant[] = [
  {
    name: "an answer on a line is for whoever asked first",
    file: "src/mesh/line.ts",
    guard: "this.#settle(number)?.resolve(decodeAnswer(payload));",
    without: "this.#settle(this.#waiting.keys().next().value ?? number)?.resolve(decodeAnswer(payload));",
    run,
  },
  {
    name: "a number on a line is soon given again",
    file: "src/mesh/line.ts",
    guard: "this.#count++ % 2 ** 32;",
    without: "this.#count++ % 4;",
    run,
  },
  {
    name: "half a frame on a line is waited for without end",
    file: "src/mesh/line.ts",
    guard: "() => end(`nothing was sent for ${IDLE_MS} ms`)",
    without: "() => undefined",
    run,
  },
  {
    name: "a frame on a line may have any size",
    file: "src/mesh/line.ts",
    guard: "length < NUMBER_BYTES || length > NUMBER_BYTES + maxBytes",
    without: "length < NUMBER_BYTES",
    run,
  },
  {
    name: "answers on a line pile up before who does not take them",
    file: "src/mesh/line.ts",
    guard: "  stream.maxWriteBufferLength = MAX_UNSENT_BYTES;\n",
    without: "",
    run,
  },
  {
    name: "a line that says nothing is asked on",
    file: "src/mesh/line.ts",
    guard: 'line.end("nothing comes on it");',
    without: "void line;",
    run,
  },
  {
    name: "who asks on a line that breaks never hears of it",
    file: "src/mesh/line.ts",
    guard: 'reject(new Error("the line was closed"));',
    without: "void reject;",
    run,
  },
  {
    name: "one member takes all places of a line",
    file: "src/mesh/places.ts",
    guard: "if (taken >= most)",
    without: "if (taken >= 100 * most)",
    run,
  },
  {
    name: "a member no more is answered on the line that it has",
    file: "src/mesh/line-serving.ts",
    guard: "if (request === null || !isMember())",
    without: "if (request === null)",
    run,
  },
];
