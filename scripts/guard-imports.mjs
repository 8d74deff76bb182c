// The rule: packages point to core and to effect, never sideways. core imports nothing but effect; a provider imports
// core and its protocol (grpc or jwt), never another provider and never a store; a store imports core; the code under
// `/testing`, which may import testing, never reaches the main entry; nobody reaches into another package's `internal`.
// Why: it lets somebody install one provider and get that alone, write one without reading another, and know that no
// test double ships in production. Nothing but a script notices when an import breaks it.
import { readFileSync } from "node:fs"
import { join, posix } from "node:path"
import { files, packages, root } from "./workspace.mjs"

const providers = ["cryosparc", "resonite", "robot", "synmetrix", "trustauthx"]

/** Which packages of this workspace each one may import. `cli` composes all of them. */
const allowed = {
  core: [],
  testing: ["core"],
  grpc: ["core"],
  jwt: ["core"],
  store: ["core"],
  agent: ["core"],
  ...Object.fromEntries(providers.map((name) => [name, ["core", "grpc", "jwt"]])),
  cli: packages.map(({ name }) => name)
}

const specifierPattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["']([^"']+)["']/g

/** Comments may show imports that nobody makes. */
const specifiers = (source) =>
  [...source.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "").matchAll(specifierPattern)].map(
    (match) => match[1]
  )

const problems = []
/** file -> what it imports, as written */
const imports = new Map()
/** file -> the source files of its own package that it imports */
const local = new Map()

for (const file of files("packages/*/src/**/*.ts")) {
  const owner = file.split("/")[1]
  const report = (specifier, why) => problems.push(`${file}: "${specifier}" ${why}`)
  const rule = allowed[owner]
  if (!rule) problems.push(`${file}: scripts/guard-imports.mjs does not know what ${owner} may import`)
  local.set(file, [])
  imports.set(file, specifiers(readFileSync(join(root, file), "utf8")))
  for (const specifier of imports.get(file)) {
    if (specifier.startsWith(".")) {
      const target = posix.normalize(posix.join(posix.dirname(file), specifier))
      if (!target.startsWith(`packages/${owner}/src/`)) report(specifier, "leaves the sources of its package")
      else local.get(file).push(target)
      continue
    }
    const [, other, path = ""] = specifier.match(/^@latchkey\/([^/]+)(?:\/(.*))?$/) ?? []
    if (other) {
      if (other === owner) report(specifier, "imports its own package by name")
      else if (rule && !rule.includes(other) && !(other === "testing" && file.includes("/src/testing")))
        report(specifier, `points the wrong way: ${owner} may not import ${other}`)
      if (path.startsWith("internal")) report(specifier, "reaches into the internals of another package")
    } else if (owner === "core" && specifier !== "effect" && !specifier.startsWith("effect/")) {
      report(specifier, "is not effect, and core imports nothing else")
    }
  }
}

/** Everything that importing `entry` brings in, from its own package. */
const reach = (entry) => {
  const seen = new Set([entry])
  for (const file of seen) for (const next of local.get(file) ?? []) seen.add(next)
  return seen
}

const isTesting = (path) => /^(internal\/)?testing(\/.*)?\.ts$/.test(path)

/** The source files behind what a package exports. */
const entriesOf = ({ name, manifest }) =>
  Object.values(manifest.exports ?? {}).flatMap((target) => {
    const source = target?.["@latchkey/source"]
    return source ? files(posix.join("packages", name, source)) : []
  })

for (const one of packages.filter(({ name }) => name !== "testing")) {
  const sources = `packages/${one.name}/src/`
  for (const entry of entriesOf(one).filter((file) => !isTesting(file.slice(sources.length)))) {
    for (const file of reach(entry)) {
      if (isTesting(file.slice(sources.length)))
        problems.push(`${entry}: brings in ${file}, which is for tests only`)
      for (const specifier of imports.get(file) ?? []) {
        if (/^@latchkey\/(testing|[^/]+\/testing)(\/|$)/.test(specifier)) {
          problems.push(`${entry}: brings in "${specifier}" by way of ${file}, which is for tests only`)
        }
      }
    }
  }
}

for (const problem of new Set(problems)) console.error(problem)
if (problems.length > 0) process.exit(1)
