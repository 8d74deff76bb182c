import { assert, describe, it } from "@effect/vitest"
import { Sessions, SessionStore } from "@latchkey/core"
import { AuthServer, SynmetrixEmulator, SynmetrixTest } from "@latchkey/synmetrix/testing"
import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { me } from "./22_hasura-query.ts"

const password = Redacted.make("correct-horse")

const sessions = Layer.fresh(Sessions.layer.pipe(Layer.provideMerge(SessionStore.layerMemory)))

const asked = Effect.gen(function* () {
  const server = yield* AuthServer
  return (yield* server.requests).map(({ path }) => path.slice(path.lastIndexOf("/") + 1))
})

describe("a Hasura query", () => {
  it.effect(
    "22 is asked with a session that is renewed when it is due, and when Hasura refuses it before",
    () =>
      Effect.gen(function* () {
        const server = yield* AuthServer
        const query = yield* me("ada@example.com", password)
        const [before] = yield* query
        assert.isDefined(before)
        assert.deepStrictEqual(yield* asked, ["login", "graphql"])

        yield* TestClock.adjust("7.5 days")
        assert.deepStrictEqual(yield* query, [before])
        assert.deepStrictEqual(yield* asked, ["login", "graphql", "refresh", "graphql"])

        yield* server.changeKey
        assert.deepStrictEqual(yield* query, [before])
        assert.deepStrictEqual((yield* asked).slice(4), ["graphql", "refresh", "graphql"])
      }).pipe(Effect.provide(Layer.merge(sessions, SynmetrixTest.layer())))
  )

  it.effect(
    "22 by 100 callers with a session that has ended costs one renewal, and no token is spent twice",
    () =>
      Effect.gen(function* () {
        const query = yield* me("ada@example.com", password)
        yield* TestClock.adjust("8 days")
        const answers = yield* Effect.all(
          Array.from({ length: 100 }, () => query),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(answers.length, 100)
        assert.strictEqual((yield* asked).filter((name) => name === "refresh").length, 1)
      }).pipe(Effect.provide(Layer.merge(sessions, SynmetrixTest.layer())))
  )

  it.live("22 goes over the wire as well", () =>
    Effect.gen(function* () {
      const server = yield* AuthServer
      const query = yield* me("ada@example.com", password)
      const first = yield* query
      yield* server.changeKey
      assert.deepStrictEqual(yield* query, first)
      assert.deepStrictEqual(yield* asked, ["login", "graphql", "graphql", "refresh", "graphql"])
    }).pipe(Effect.provide(Layer.mergeAll(sessions, SynmetrixEmulator.layer(), FetchHttpClient.layer)))
  )
})
