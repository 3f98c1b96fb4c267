import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{gateway,drivers,config,simulators,bench}/**/*.test.ts", "tests/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "v8",
      include: ["gateway/**/*.ts", "drivers/**/*.ts", "config/**/*.ts"],
      reporter: ["text-summary"],
    },
  },
});
