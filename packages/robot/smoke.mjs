// Run by `npm run pack-check` in an empty project: the packed client looks for a robot where there is none.
import { Robot } from "@latchkey/robot"
import { Effect, Redacted } from "effect"
import assert from "node:assert/strict"
import { rootCertificates } from "node:tls"

const program = Effect.gen(function* () {
  const robot = yield* Robot
  return yield* Effect.flip(robot.auth({ username: "ada", password: Redacted.make("a password") }))
}).pipe(Effect.provide(Robot.layer({ url: "https://127.0.0.1:1", rootCertificates: rootCertificates[0] })))

const error = await Effect.runPromise(program)
assert.equal(error._tag, "TransportError")
assert.equal(error.reason._tag, "ConnectionFailed")
