import { existsSync, globSync, readdirSync } from "node:fs"
import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import { TallyReporter } from "./scripts/tally-reporter.ts"

/** Lets `@latchkey/*` resolve to the sources instead of `dist`. */
const conditions = ["@latchkey/source"]

const tested = readdirSync(new URL("packages/", import.meta.url)).filter((name) =>
  existsSync(new URL(`packages/${name}/test`, import.meta.url))
)

const rootTests = ["examples/**/*.test.ts", "test/**/*.test.ts"]
const hasRootTests = globSync(rootTests, { cwd: import.meta.dirname }).length > 0

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      ...tested.map((name) => ({
        extends: true as const,
        root: `packages/${name}`,
        test: { name: `@latchkey/${name}`, include: ["test/**/*.test.ts"] }
      })),
      ...(hasRootTests
        ? [{ extends: true as const, root: ".", test: { name: "examples", include: rootTests } }]
        : [])
    ],
    // Processes, not threads: tests set the umask and send signals.
    pool: "forks",
    maxWorkers: availableParallelism(),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ["default", new TallyReporter()],
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      exclude: ["packages/*/src/gen/**"],
      reporter: ["text", "json-summary"],
      thresholds: { lines: 80, functions: 80, branches: 70, statements: 80 }
    }
  }
})
