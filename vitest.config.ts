import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Agents are real processes on few cores: a test waits for a state, and this bounds only a hang.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
