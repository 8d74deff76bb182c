import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { CryoSparcEmulator } from "@latchkey/cryosparc/testing"
import { ResoniteEmulator } from "@latchkey/resonite/testing"
import { RobotEmulator } from "@latchkey/robot/testing"
import { Effect, FileSystem } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"

const another = fileURLToPath(new URL("fixtures/anotherHolder.ts", import.meta.url))

const holder = fileURLToPath(new URL("fixtures/holder.ts", import.meta.url))

it.live("P26: a program that holds a session exits by itself, even if it closes nothing", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
    const { rootCertificates, url } = yield* RobotEmulator
    const directory = yield* fs.makeTempDirectoryScoped()
    const roots = `${directory}/roots.pem`
    yield* fs.writeFileString(roots, rootCertificates)
    const said = yield* spawner.string(
      ChildProcess.make(process.execPath, [
        "--conditions=@latchkey/source",
        holder,
        url,
        roots,
        `${directory}/sessions.db`
      ])
    )
    assert.strictEqual(said, "user")
  }).pipe(Effect.scoped, Effect.provide([RobotEmulator.layer(), NodeServices.layer]))
)

it.live("P26: so does one that holds a game's connection and a CryoSPARC session", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
    const emulator = yield* ResoniteEmulator
    const { url } = yield* CryoSparcEmulator
    const said = yield* spawner.string(
      ChildProcess.make(process.execPath, [
        "--conditions=@latchkey/source",
        another,
        yield* emulator.socket,
        url,
        `${yield* fs.makeTempDirectoryScoped()}/auth.json`
      ])
    )
    assert.strictEqual(said, "ada, ada@example.com")
  }).pipe(
    Effect.scoped,
    Effect.provide([ResoniteEmulator.layer(), CryoSparcEmulator.layer(), NodeServices.layer])
  )
)
