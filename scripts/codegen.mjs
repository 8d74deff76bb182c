// Generates `src/gen` of every package that has a `proto` folder. `--check` only says whether what is there is current.
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { installed } from "./tools.mjs"
import { must, packages, root } from "./workspace.mjs"

const options = [
  "outputServices=none", // messages only: the call itself is @latchkey/grpc
  "env=node",
  "esModuleInterop=true",
  "forceLong=bigint",
  "importSuffix=.ts",
  "enumsAsLiterals=true", // enums cannot be erased
  "outputJsonMethods=false",
  "useOptionals=none",
  "useReadonlyTypes=true",
  "unrecognizedEnum=false"
]

const check = process.argv.includes("--check")
mkdirSync(join(root, ".cache"), { recursive: true })
const scratch = mkdtempSync(join(root, ".cache", "codegen-"))
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }))

const listing = (folder) =>
  new Map(
    globSync("**/*.ts", { cwd: folder }).map((path) => [path, readFileSync(join(folder, path), "utf8")])
  )

const stale = []
for (const { name, folder } of packages.filter((one) => existsSync(join(one.folder, "proto")))) {
  const out = join(scratch, name)
  const template = { version: "v2", plugins: [{ local: "protoc-gen-ts_proto", out, opt: options }] }
  await must("buf", ["generate", "proto", "--template", JSON.stringify(template)], {
    cwd: folder,
    path: [await installed("tools")]
  })
  const gen = join(folder, "src", "gen")
  const [before, after] = [listing(gen), listing(out)]
  const differing = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path)
  )
  stale.push(...differing.map((path) => `packages/${name}/src/gen/${path}`))
  if (!check && differing.length > 0) {
    rmSync(gen, { recursive: true, force: true })
    cpSync(out, gen, { recursive: true })
  }
}

for (const path of stale) console.log(check ? `${path} is not what npm run codegen makes` : `wrote ${path}`)
if (check && stale.length > 0) process.exit(1)
