// Everything that must hold before a change is shown to somebody else, except the tests. Runs all steps even when one
// fails, then shows what the failed ones said. `npm run check -- lint types` runs only these.
import { mkdirSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { installed } from "./tools.mjs"
import { mapParallel, root, run } from "./workspace.mjs"

const node = (script, ...args) => run("node", [`scripts/${script}`, ...args])

/** One project over all sources and tests: a run for each package would read `effect` that many times. */
const effectRules = async () =>
  run("effect-tsgo", ["diagnostics", "--strict", "--project", "tools/tsconfig.effect.json"], {
    path: [await installed("tools")]
  })

/** Apart, because what the benches compare with is installed apart. */
const benchTypes = async () => {
  await installed("bench")
  return run("tsc", ["-p", "bench/tsconfig.json"])
}

let compiling
/** Once for the two steps that want it. */
const compiled = () => (compiling ??= run("tsc", ["-b"]))

/** Reads what the compiler has written. */
const api = async () => {
  await compiled()
  return node("api.mjs", "--check")
}

const steps = [
  ["types", "tsc -b", compiled],
  ["api", "docs/api.txt is what is exported", api],
  ["bench", "tsc -p bench", benchTypes],
  ["effect", "Effect diagnostics", effectRules],
  ["lint", "oxlint", () => run("oxlint", ["--type-aware"])],
  ["format", "oxfmt --check", () => run("oxfmt", ["--check"])],
  ["unused", "knip", () => run("knip", ["--no-config-hints"])],
  ["imports", "arrows between packages", () => node("guard-imports.mjs")],
  ["codegen", "generated code is current", () => node("codegen.mjs", "--check")],
  ["docs", "examples and links in documents", () => node("check-docs.mjs")]
]

mkdirSync(join(root, ".cache"), { recursive: true })
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !steps.some(([step]) => step === name))
if (unknown.length > 0) {
  console.error(`no such step: ${unknown.join(", ")}. There are: ${steps.map(([name]) => name).join(", ")}`)
  process.exit(1)
}

const failures = (
  await mapParallel(
    steps.filter(([name]) => asked.length === 0 || asked.includes(name)),
    availableParallelism(),
    async ([name, what, work]) => {
      const start = performance.now()
      const { ok, output } = await work()
      const seconds = ((performance.now() - start) / 1000).toFixed(1)
      console.log(`${ok ? "ok  " : "FAIL"} ${name.padEnd(8)} ${what.padEnd(34)} ${seconds.padStart(5)} s`)
      return { ok, name, output }
    }
  )
).filter(({ ok }) => !ok)

for (const { name, output } of failures) console.log(`\n--- ${name}\n${output.trimEnd()}`)
if (failures.length > 0) process.exit(1)
