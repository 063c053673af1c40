import type { Reporter, TestModule } from "vitest/node";

/** Says of every test that did not run here why: a silent skip looks like a pass. */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const test of module.children.allTests("skipped")) {
        const result = test.result();
        const why = result.state === "skipped" ? (result.note ?? "no reason given") : "";
        process.stdout.write(`skipped: ${test.fullName}\n         ${why}\n`);
      }
    }
  }
}
