import { defineConfig } from "vitest/config";

const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 24)
  throw new Error(`tests run on the Node of this project, not on ${process.version}: npx vitest run PATH`);

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", "./test/skip-reporter.ts"],
    // Agents are real processes on few cores: a test waits for a state, and this bounds only a hang.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
