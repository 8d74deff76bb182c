/** Signs in, keeps the session, and leaves its scope. Whatever is left behind would keep this process from ending. */
import { SessionRef, SessionStore } from "@latchkey/core"
import { Robot } from "@latchkey/robot"
import { Effect, Layer, Redacted } from "effect"

const [url = "", rootCertificates = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const robot = yield* Robot
  const session = yield* robot.auth({ username: "user", password: Redacted.make("correct-horse") })
  const ref = yield* SessionRef.make(robot, session)
  yield* ref.keepAlive
  yield* ref.get
  // Nothing is ever answered: it is the scope that ends it.
  yield* Effect.forkScoped(
    robot.call(session, { authority: "api.spot.robot", method }, "", { timeout: "1 hour" })
  )
})

const method = {
  path: "/example.Silent/Wait",
  encode: () => new Uint8Array(),
  decode: () => {
    throw new Error("never reached")
  }
}

await program.pipe(
  Effect.scoped,
  Effect.provide(Layer.merge(Robot.layer({ url, rootCertificates }), SessionStore.layerMemory)),
  Effect.runPromise
)
process.stdout.write("scope closed")
