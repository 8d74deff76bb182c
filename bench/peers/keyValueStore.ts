/** Saves by Effect's `KeyValueStore` of files, again and again, until it is killed: `node keyValueStore.ts DIRECTORY`. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { Effect, Layer } from "effect"
import { KeyValueStore } from "effect/persistence"
import { writeSync } from "node:fs"
import { tokenOf } from "../../soak/tokens.ts"

const program = Effect.gen(function* () {
  const store = yield* KeyValueStore.KeyValueStore
  for (let n = 1; ; n++) {
    yield* store.set("session", JSON.stringify({ token: tokenOf(n) }))
    writeSync(1, `${n}\n`)
  }
})

const files = KeyValueStore.layerFileSystem(process.argv[2] ?? "").pipe(
  Layer.provide([NodeFileSystem.layer, NodePath.layer])
)
await Effect.runPromise(Effect.provide(program, files))
