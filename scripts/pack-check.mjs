// Judges the packages as their users get them: packs each one, checks the shape of the tarball, then installs it into
// an empty npm project, type-checks against it, runs it, requires it and bundles it. Says how large each one is: packed,
// and bundled, minified and compressed, without its peers.
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { gzipSync } from "node:zlib"
import { installed } from "./tools.mjs"
import { mapParallel, must, packages, publicPackages, readJson, root, run } from "./workspace.mjs"

const asked = process.argv.slice(2)
const chosen = publicPackages.filter(({ name }) => asked.length === 0 || asked.includes(name))
const tools = { path: [await installed("tools")] }
const scratch = mkdtempSync(join(tmpdir(), "latchkey-pack-"))
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }))
const { packageManager, devDependencies } = readJson(join(root, "package.json"))

await must("node", ["scripts/build.mjs"])
const filters = publicPackages.flatMap(({ manifest }) => ["--filter", manifest.name])
await must(
  "npx",
  ["--yes", packageManager.split("+")[0], ...filters, "pack", "--pack-destination", scratch],
  {
    cwd: root
  }
)
const tarball = ({ name, manifest }) => join(scratch, `latchkey-${name}-${manifest.version}.tgz`)

/** The tarball of a package and of every package of this workspace that it needs. */
const tarballs = (one) => {
  const needs = new Set([one])
  for (const { manifest } of needs) {
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      const other = packages.find((candidate) => candidate.manifest.name === name)
      if (other) needs.add(other)
    }
  }
  return [...needs].map(tarball)
}

/** What a user can import: the exports of the installed package, its patterns filled in. */
const entries = (folder) => {
  const { name, exports } = readJson(join(folder, "package.json"))
  const keys = Object.entries(exports)
    .filter(([, target]) => target?.default)
    .flatMap(([key, target]) =>
      globSync(target.default, { cwd: folder }).map((file) =>
        key.includes("*") ? key.replace("*", basename(file, ".js")) : key
      )
    )
    .filter((key) => key !== "./index")
  return [...new Set(keys)].map((key) => name + key.slice(1))
}

const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
  target: "ES2024"
}
const resolutions = {
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "preserve", moduleResolution: "bundler" }
}

const importing = (specifiers) =>
  specifiers.map((specifier, index) => `import * as m${index} from ${JSON.stringify(specifier)}\n`).join("") +
  `console.log([${specifiers.map((_, index) => `Object.keys(m${index}).length`).join(", ")}].length)\n`

const requiring = (specifiers) =>
  specifiers.map((specifier) => `require(${JSON.stringify(specifier)})\n`).join("")

/** What a browser or a server that bundles gets with the main entry: [minified, and compressed], in bytes. */
const bundle = async (one, folder) => {
  const out = join(folder, "bundle.js")
  writeFileSync(join(folder, "bundle.in.js"), `export * from ${JSON.stringify(one.manifest.name)}\n`)
  const external = Object.keys(one.manifest.peerDependencies).map((name) => `--external:${name}`)
  const how = ["--bundle", "--minify", "--format=esm", "--platform=node", "--log-level=warning"]
  const result = await run("esbuild", ["bundle.in.js", `--outfile=${out}`, ...how, ...external], {
    ...tools,
    cwd: folder
  })
  if (!result.ok) return { ...result, sizes: [] }
  const code = readFileSync(out)
  return { ...result, sizes: [code.length, gzipSync(code).length] }
}

const consume = async (one) => {
  const folder = join(scratch, `use-${one.name}`)
  mkdirSync(folder)
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" })
  )
  const npm = (...what) =>
    run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...what], { cwd: folder })
  const problems = []
  const step = async (what, work) => {
    const { ok, output } = await work
    if (!ok) problems.push(`${what}\n${output}`)
    return ok
  }

  const effect = `effect@${readJson(join(root, "node_modules", "effect", "package.json")).version}`
  if (!(await step("npm install", npm(effect, ...tarballs(one))))) return { problems, sizes: [] }
  writeFileSync(join(folder, "main.mjs"), importing([one.manifest.name]))
  await step(
    `import "${one.manifest.name}" without optional peers`,
    run("node", ["main.mjs"], { cwd: folder })
  )

  const { peerDependencies, peerDependenciesMeta = {} } = one.manifest
  const optional = Object.keys(peerDependenciesMeta).flatMap((name) => {
    const ours = packages.find(({ manifest }) => manifest.name === name)
    return ours === undefined ? [`${name}@${peerDependencies[name]}`] : tarballs(ours)
  })
  const types = `@types/node@${devDependencies["@types/node"]}`
  if (!(await step("npm install of optional peers", npm(types, ...optional)))) return { problems, sizes: [] }

  const all = entries(join(folder, "node_modules", one.manifest.name))
  writeFileSync(join(folder, "all.mjs"), importing(all))
  writeFileSync(join(folder, "all.ts"), importing(all))
  await step(`import ${all.join(", ")}`, run("node", ["all.mjs"], { cwd: folder }))
  writeFileSync(join(folder, "all.cjs"), requiring(all))
  await step(`require ${all.join(", ")}`, run("node", ["all.cjs"], { cwd: folder }))
  for (const [name, options] of Object.entries(resolutions)) {
    const compilerOptions = { ...strict, ...options, types: ["node"] }
    writeFileSync(
      join(folder, `tsconfig.${name}.json`),
      JSON.stringify({ files: ["all.ts"], compilerOptions })
    )
    await step(`types under ${name}`, run("tsc", ["-p", `tsconfig.${name}.json`], { cwd: folder }))
  }
  if (existsSync(join(one.folder, "smoke.mjs"))) {
    copyFileSync(join(one.folder, "smoke.mjs"), join(folder, "smoke.mjs"))
    await step("smoke.mjs", run("node", ["smoke.mjs"], { cwd: folder }))
  }
  const bundled = await bundle(one, folder)
  await step("esbuild", bundled)
  return { problems, sizes: bundled.sizes }
}

const shape = async (one) => {
  const problems = []
  const listing = await must("tar", ["-tzf", tarball(one)])
  for (const file of ["LICENSE", "README.md"]) {
    if (!listing.includes(`package/${file}\n`)) problems.push(`the tarball has no ${file}`)
  }
  const judges = {
    publint: [tarball(one), "--strict"],
    attw: [tarball(one), "--profile", "esm-only", "--no-emoji"]
  }
  for (const [judge, args] of Object.entries(judges)) {
    const { ok, output } = await run(judge, args, tools)
    if (!ok) problems.push(`${judge}\n${output}`)
  }
  return problems
}

const results = await mapParallel(chosen, 2, async (one) => {
  const shown = await shape(one)
  const { problems: used, sizes } = await consume(one)
  const problems = [...shown, ...used]
  const [packed, minified = "?", zipped = "?"] = [statSync(tarball(one)).size, ...sizes].map((bytes) =>
    (bytes / 1024).toFixed(1)
  )
  console.log(
    `${problems.length === 0 ? "ok  " : "FAIL"} ${one.manifest.name.padEnd(20)} packed ${packed.padStart(6)} kB, bundled ${minified.padStart(6)} kB, ${zipped.padStart(6)} kB gz`
  )
  return { one, problems }
})

for (const { one, problems } of results) {
  for (const problem of problems) console.log(`\n--- ${one.manifest.name}: ${problem.trimEnd()}`)
}
if (results.some(({ problems }) => problems.length > 0)) process.exit(1)
