/** A Synmetrix on loopback: tokens that are spent when they are renewed, and a Hasura that refuses one early. */
import { Sessions, SessionStore } from "@latchkey/core"
import { Synmetrix } from "@latchkey/synmetrix"
import { AuthServer, SynmetrixEmulator } from "@latchkey/synmetrix/testing"
import { Effect, Layer, Redacted } from "effect"
import { me } from "../22_hasura-query.ts"
import { claim, failsWith } from "./claims.ts"
import { line, passed, title } from "./print.ts"

const email = "ada@example.com"
const password = Redacted.make("correct-horse")

const renewals = Effect.gen(function* () {
  const server = yield* AuthServer
  return (yield* server.requests).filter(({ path }) => path === "/auth/token/refresh").length
})

const story = Effect.gen(function* () {
  const server = yield* AuthServer
  const synmetrix = yield* Synmetrix

  yield* title("A Synmetrix, on loopback, with the Hasura behind it")
  yield* line("listens at", synmetrix.instance)
  const refused = synmetrix.login({ email, password: Redacted.make("wrong-horse") })
  const error = yield* failsWith(refused, "InvalidLogin")
  yield* line(error._tag, error.message, "yellow")

  const query = yield* me(email, password)
  yield* claim((yield* query).length === 1, "Hasura takes the token")
  yield* server.changeKey
  const answers = yield* Effect.all(
    Array.from({ length: 100 }, () => query),
    { concurrency: "unbounded" }
  )
  yield* claim(answers.length === 100 && (yield* renewals) === 1, "one renewal for everybody")
  yield* passed("100 queries with a token that Hasura refuses: 1 renewal, 100 answers")
})

export const synmetrix = story.pipe(
  Effect.provide(
    Layer.merge(
      SynmetrixEmulator.layer(),
      Sessions.layer.pipe(Layer.provide(Layer.fresh(SessionStore.layerMemory)))
    )
  ),
  Effect.scoped
)
