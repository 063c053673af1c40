import { readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { fileURLToPath } from "node:url";

/** How much of a file ran. */
export interface Covered {
  readonly file: string;
  readonly functions: number;
  readonly functionsRun: number;
  /** Of its characters, as V8 sees blocks. Types count as run: they vanish. */
  readonly share: number;
}

/** Counts which blocks of code run, by V8's own precise coverage. */
export class Coverage {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Of the files whose path matches. */
  async take(pattern: RegExp): Promise<Covered[]> {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage");
    const covered: Covered[] = [];
    for (const { url, functions } of result) {
      if (!url.startsWith("file:") || !pattern.test(url)) continue;
      const file = fileURLToPath(url);
      const { length } = readFileSync(file, "utf8");
      const ran = new Uint8Array(length).fill(1);
      // Outer ranges come first; inner ones correct them.
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
      }
      const named = functions.filter(({ functionName }) => functionName !== "");
      covered.push({
        file,
        functions: named.length,
        functionsRun: named.filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0).length,
        share: ran.reduce((sum, one) => sum + one, 0) / length,
      });
    }
    return covered.sort((a, b) => (a.file < b.file ? -1 : 1));
  }
}
