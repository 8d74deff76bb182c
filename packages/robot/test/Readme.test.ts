import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { SessionStore } from "@latchkey/core"
import { Effect, FileSystem, Layer, Path, Redacted } from "effect"
import { RobotEmulator, RobotTest } from "../src/testing.ts"
import { program, spot } from "../../../examples/09_robot-sign-in.ts"
import { aWrongPassword } from "../../../examples/10_robot-in-a-test.ts"

const password = Redacted.make("correct-horse")

const store = Layer.fresh(SessionStore.layerMemory)

describe("README", () => {
  it.effect("signing in", () =>
    Effect.gen(function* () {
      assert.isNotEmpty(Redacted.value(yield* program(password)))
    }).pipe(Effect.provide(Layer.merge(RobotTest.layer(), store)))
  )

  it.live("signing in, over a real connection", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* files.makeTempDirectoryScoped({ prefix: "latchkey-robot-" })
      const { rootCertificates, url } = yield* RobotEmulator
      yield* files.writeFileString(path.join(folder, "root.pem"), rootCertificates)
      const token = yield* program(password).pipe(Effect.provide([spot(url, `${folder}/*.pem`), store]))
      assert.isNotEmpty(Redacted.value(token))
    }).pipe(Effect.provide(Layer.merge(RobotEmulator.layer(), NodeServices.layer)))
  )

  it.effect("in a test", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* aWrongPassword)._tag, "InvalidLogin")
    })
  )
})
