/** Saves by `@azure/msal-node-extensions`, again and again, until it is killed: `node msal.ts DIRECTORY`. */
import { writeSync } from "node:fs"
import { join } from "node:path"
import { tokenOf } from "../../soak/tokens.ts"

// The package as a whole loads a keychain of native code, which a file does not need.
const root = new URL("../node_modules/@azure/msal-node-extensions/", import.meta.url)
const loaded: typeof import("@azure/msal-node-extensions") = await import(
  new URL("dist/persistence/FilePersistence.mjs", root).href
)

const file = await loaded.FilePersistence.create(join(process.argv[2] ?? "", "session"))
for (let n = 1; ; n++) {
  await file.save(JSON.stringify({ token: tokenOf(n) }))
  writeSync(1, `${n}\n`)
}
