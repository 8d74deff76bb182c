import type { Reporter, TestModule } from "vitest/node"

/** Closes a run with one plain line, the last of the output: `N passed, N failed` (and `, N skipped`). */
export class TallyReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<unknown>): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      // A file that fails before its first test, or in a hook, has no failed test to be counted.
      let failures = module.errors().length
      for (const suite of module.children.allSuites()) failures += suite.errors().length
      count.failed += failures
      for (const test of module.children.allTests()) count[test.result().state]++
    }
    const failed = count.failed + count.pending // still pending: the run was cut short
    // After every other reporter's summary, whatever the order they are listed in.
    process.once("exit", () => {
      process.stdout.write(
        `${count.passed} passed, ${failed} failed${count.skipped ? `, ${count.skipped} skipped` : ""}\n`
      )
    })
  }
}
