import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 24)
  throw new Error(`tests run on the Node of this project, not on ${process.version}: npx vitest run PATH`);

const E2E = "test/e2e/**/*.test.ts";

export default defineConfig({
  test: {
    reporters: ["default", "./test/skip-reporter.ts"],
    // Agents are real processes on few cores: a test waits for a state, and this bounds only a hang.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "alone",
          include: ["test/**/*.test.ts"],
          exclude: [E2E],
          // Each keeps one core busy, and nothing else.
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: [E2E],
          // One core is left to the agents that a test starts.
          maxWorkers: Math.max(availableParallelism() - 1, 1),
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
