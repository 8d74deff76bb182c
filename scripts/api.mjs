// Writes docs/api.txt: what every published package exports, entry by entry, as the compiler declares it, without the
// comments. A change of the public surface is a change of this file. `--check` only says whether it is current.
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, posix } from "node:path"
import { files, must, publicPackages, root } from "./workspace.mjs"

const declarationOf = (source) => join(root, source.replace("/src/", "/dist/").replace(/\.ts$/, ".d.ts"))

/** Specifier -> source file, in the order of the alphabet, the main entry first. */
const entriesOf = ({ manifest, name }) => {
  const sources = `packages/${name}/src/`
  const all = Object.entries(manifest.exports).flatMap(([key, target]) =>
    files(posix.join("packages", name, target?.["@latchkey/source"] ?? "nothing"))
      .filter((file) => file !== `${sources}index.ts` || key === ".")
      .map((file) => [key.replace("*", file.slice(sources.length, -".ts".length)), file])
  )
  return [...new Map(all)].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** Without comments, the source map, and blank lines; strings may look like comments. */
const bare = (text) =>
  text
    .replaceAll(
      /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*/g,
      (_, string) => string ?? ""
    )
    .split("\n")
    .map((line) => line.trimEnd().replace(/^( {4})+/, (margin) => margin.slice(margin.length / 2)))
    .filter((line) => line !== "" && !/^import .* from "/.test(line) && line !== "export {};")

const reexports = /^export (?:type )?(?:\*|\{).* from "(\.[^"]+)\.[jt]s";$/

/** The declarations of a file, and of what it passes on that is not an entry by itself. */
const declarations = (source, entries) => {
  const lines = bare(readFileSync(declarationOf(source), "utf8"))
  const hidden = lines.flatMap((line) => {
    const [, path] = reexports.exec(line) ?? []
    const target = path && `${posix.join(dirname(source), path)}.ts`
    return target === undefined || entries.some(([, file]) => file === target) ? [] : [target]
  })
  const more = [...new Set(hidden)].flatMap((file) => [
    `(${file.replace(/^packages\/[^/]+\/src\//, "")})`,
    ...declarations(file, entries)
  ])
  return [...lines, ...more]
}

// The compiler takes its word for what it has written before.
const compile = (...how) => must("tsc", ["-b", ...how, ...publicPackages.map(({ folder }) => folder)])
const surface = publicPackages.map((one) => ({ ...one, entries: entriesOf(one) }))
await compile()
const isMissing = ([, source]) => !existsSync(declarationOf(source))
if (surface.some(({ entries }) => entries.some(isMissing))) await compile("--force")

const text = surface
  .flatMap(({ entries, manifest }) =>
    entries.map(([key, source]) =>
      [`## ${manifest.name}${key.slice(1)}`, "", ...declarations(source, entries)].join("\n")
    )
  )
  .join("\n\n")

const file = join(root, "docs", "api.txt")
const header = "# What the packages export. Written by `npm run api`; do not edit.\n\n"
const before = existsSync(file) ? readFileSync(file, "utf8") : ""
const after = `${header}${text}\n`
if (before !== after) {
  if (process.argv.includes("--check")) {
    const [old, now] = [before, after].map((all) => all.split("\n"))
    const line = now.findIndex((one, index) => one !== old[index])
    console.log(`docs/api.txt:${line + 1} is not what is exported now. If that is meant: npm run api`)
    console.log(`- ${old[line] ?? ""}\n+ ${now[line] ?? ""}`)
    process.exit(1)
  }
  writeFileSync(file, after)
  console.log("wrote docs/api.txt")
}
