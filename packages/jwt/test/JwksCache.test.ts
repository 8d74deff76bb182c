import { assert, describe, it } from "@effect/vitest"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import * as HttpHandler from "@latchkey/testing/HttpHandler"
import * as HttpServer from "@latchkey/testing/HttpServer"
import { Deferred, Effect, Exit, Fiber, Scheduler, Scope } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { generateKeyPairSync } from "node:crypto"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { until } from "../../../test/support/until.ts"
import { Jwt, JwksCache, JwtVerifier } from "../src/index.ts"
import { forged } from "./support/forge.ts"
import { answering, inMemory, jwk, KEYS, ORIGIN, tokenOf, verifying } from "./support/issuer.ts"
import * as Keys from "./support/keys.ts"
import { refuses } from "./support/refuses.ts"

const away = HttpHandler.empty(503)

describe("JwksCache", () => {
  it.effect("fetches nothing until a token asks, and then once", () =>
    Effect.gen(function* () {
      const { keys, memory, state, verify } = yield* inMemory()
      assert.strictEqual(state.fetches, 0)
      yield* verify(yield* tokenOf("one"))
      yield* verify(yield* tokenOf("one"))
      yield* verify(yield* tokenOf(undefined))
      assert.strictEqual(state.fetches, 1)
      const [request] = yield* memory.requests
      assert.deepStrictEqual([request?.method, request?.path], ["GET", "/keys"])
      assert.strictEqual(keys.instance, KEYS)
    })
  )

  it.effect("fetches nothing for a token that is refused without keys", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* inMemory()
      yield* refuses("Algorithm", verify(forged({})))
      assert.strictEqual(state.fetches, 0)
    })
  )

  it.effect("P28: keys are good for their maximal age, and then fetched again", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* inMemory({ maxAge: "10 minutes" })
      const token = yield* tokenOf("one")
      yield* verify(token)
      yield* TestClock.adjust(599_999)
      yield* verify(token)
      assert.strictEqual(state.fetches, 1)
      yield* TestClock.adjust(1)
      yield* verify(token)
      assert.strictEqual(state.fetches, 2)
    })
  )

  it.effect("P28: a clock that is set back does not make keys good for longer", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* inMemory()
      const token = yield* tokenOf("one")
      yield* TestClock.setTime(86_400_000)
      yield* verify(token)
      yield* TestClock.setTime(0)
      yield* verify(token)
      yield* verify(token)
      assert.strictEqual(state.fetches, 2)
    })
  )

  it.effect("P28: 10 000 unknown key ids in 30 s cause at most 2 fetches", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* inMemory()
      for (let index = 0; index < 10_000; index++) {
        yield* refuses("Key", verify(unknown(index)))
        if (index % 10 === 9) yield* TestClock.adjust(29)
      }
      assert.strictEqual(state.fetches, 2)
      yield* TestClock.adjust(1000)
      yield* refuses("Key", verify(unknown(0)))
      assert.strictEqual(state.fetches, 3)
    })
  )

  it.effect("P28: unknown key ids at the same time share one fetch", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* inMemory()
      yield* Effect.forEach(
        Array.from({ length: 200 }),
        (_, index) => refuses("Key", verify(unknown(index))),
        {
          concurrency: "unbounded"
        }
      )
      assert.isAtMost(state.fetches, 2)
    })
  )

  it.effect("P28: a rotation is accepted with 1 fetch", () =>
    Effect.gen(function* () {
      const { publish, state, verify } = yield* inMemory()
      yield* verify(yield* tokenOf("one"))
      yield* TestClock.adjust("1 second")
      publish(jwk("one"), jwk("two"))
      const token = yield* tokenOf("two")
      yield* Effect.forEach([1, 2, 3], () => verify(token), { concurrency: "unbounded" })
      yield* verify(yield* tokenOf("one"))
      assert.strictEqual(state.fetches, 2)
    })
  )

  it.effect(
    "a key without a name does not stand for one that a token names, until there is no better one",
    () =>
      Effect.gen(function* () {
        const { publish, state, verify } = yield* inMemory()
        const { kid: _kid, ...nameless } = jwk("one")
        publish(nameless)
        const token = yield* tokenOf("two")
        yield* verify(token)
        publish(jwk("two"))
        yield* verify(token)
        assert.strictEqual(state.fetches, 2)
        publish(nameless)
        yield* TestClock.adjust("10 minutes")
        yield* verify(token)
        assert.strictEqual(state.fetches, 3)
      })
  )

  it.effect("P28: while the issuer is away its last keys are good for the grace, and nobody waits", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* inMemory({ maxAge: "10 minutes", grace: "1 hour" })
      const token = yield* tokenOf("one")
      yield* verify(token)
      state.answer = away
      yield* TestClock.adjust("10 minutes")
      yield* verify(token)
      assert.strictEqual(state.fetches, 2)
      state.wait = Effect.never
      yield* TestClock.adjust("2 seconds")
      yield* verify(token)
      state.wait = Effect.void
      yield* TestClock.adjust("1 hour")
      const error = yield* failsBecause("ServiceUnavailable", verify(token))
      assert.strictEqual(error.instance, KEYS)
      assert.isTrue(error.isRetryable)
    })
  )

  it.effect("P28: the grace ends to the millisecond", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* inMemory({ maxAge: "10 minutes", grace: "1 minute" })
      const token = yield* tokenOf("one")
      yield* verify(token)
      state.answer = away
      yield* TestClock.adjust(659_999)
      yield* verify(token)
      yield* TestClock.adjust(1)
      yield* failsBecause("ServiceUnavailable", verify(token))
    })
  )

  it.effect(
    "P28: while the issuer is away it is asked again after pauses that grow, and found when it is back",
    () =>
      Effect.gen(function* () {
        const { state, verify } = yield* inMemory({ cooldown: "30 seconds" })
        const token = yield* tokenOf("one")
        const { answer } = state
        state.answer = away
        const asked: Array<number> = []
        for (let second = 0; second < 100; second++) {
          const before = state.fetches
          yield* failsBecause("ServiceUnavailable", verify(token))
          if (state.fetches > before) asked.push(second)
          yield* TestClock.adjust("1 second")
        }
        assert.deepStrictEqual(asked, [0, 1, 3, 7, 15, 31, 61, 91])
        state.answer = answer
        yield* TestClock.adjust("30 seconds")
        yield* verify(token)
        yield* refuses("Key", verify(unknown(0)))
        state.answer = away
        yield* verify(token)
      })
  )

  it.effect("a key that is unknown while the issuer is away is no verdict on the token", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* inMemory()
      yield* verify(yield* tokenOf("one"))
      state.answer = away
      const token = yield* tokenOf("two")
      yield* failsBecause("ServiceUnavailable", verify(token))
      yield* failsBecause("ServiceUnavailable", verify(token))
      assert.strictEqual(state.fetches, 2)
      yield* verify(yield* tokenOf("one"))
    })
  )

  it.effect("whoever gives up does not end the fetch for the others", () =>
    Effect.gen(function* () {
      const { keys, memory, state, verify } = yield* inMemory()
      const gate = yield* Deferred.make<void>()
      state.wait = Deferred.await(gate)
      const token = yield* tokenOf("one")
      const [first, second] = yield* Effect.forEach([1, 2], () =>
        Effect.forkChild(verify(token), { startImmediately: true })
      )
      yield* until(Effect.sync(() => state.fetches === 1))
      if (first === undefined || second === undefined) return assert.fail("no fibers")
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(gate, undefined)
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(second)))
      assert.deepStrictEqual([state.fetches, yield* memory.cancelled], [1, 0])
      yield* keys.refresh
      assert.strictEqual(state.fetches, 2)
    })
  )

  for (const budget of [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 16, 23]) {
    it.effect(`P28: one fetch is made for all, even where fibers take turns every ${budget} steps`, () =>
      Effect.gen(function* () {
        const { state, verify } = yield* inMemory()
        const token = yield* tokenOf("one")
        yield* Effect.forEach(Array.from({ length: 50 }), () => verify(token), {
          concurrency: "unbounded"
        }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, budget))
        assert.strictEqual(state.fetches, 1)
      })
    )
  }

  it.effect("P28: whoever gives up looking for a new key, at any step, does not use up the search", () =>
    Effect.gen(function* () {
      for (const budget of [3, 4, 5]) {
        for (let turns = 0; turns < 12; turns++) {
          const { publish, verify } = yield* inMemory()
          yield* verify(yield* tokenOf("one"))
          publish(jwk("one"), jwk("two"))
          const token = yield* tokenOf("two")
          const first = yield* Effect.forkChild(
            Effect.provideService(verify(token), Scheduler.MaxOpsBeforeYield, budget)
          )
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* Fiber.interrupt(first)
          yield* verify(token)
        }
      }
    })
  )

  it.effect("a fetch ends with the scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { memory, state, verify } = yield* Scope.provide(inMemory(), scope)
      state.wait = Effect.never
      const waiting = yield* Effect.forkChild(verify(yield* tokenOf("one")), { startImmediately: true })
      yield* until(Effect.sync(() => state.fetches === 1))
      yield* Scope.close(scope, Exit.void)
      yield* failsBecause("Closed", Fiber.join(waiting))
      assert.strictEqual(yield* memory.cancelled, 1)
    })
  )

  it.effect("after the end of the scope nobody waits, and nobody is taken for interrupted", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { keys, verify } = yield* Scope.provide(inMemory(), scope)
      const token = yield* tokenOf("one")
      yield* verify(token)
      yield* Scope.close(scope, Exit.void)
      yield* verify(token)
      yield* failsBecause("Closed", keys.refresh)
      yield* failsBecause("Closed", verify(yield* tokenOf("two")))
      yield* TestClock.adjust("10 minutes")
      yield* failsBecause("Closed", verify(token))
    })
  )

  it.effect("a fetch has a time limit", () =>
    Effect.gen(function* () {
      const { memory, state, verify } = yield* inMemory({ timeout: "5 seconds" })
      state.wait = Effect.never
      const waiting = yield* Effect.forkChild(Effect.exit(verify(yield* tokenOf("one"))), {
        startImmediately: true
      })
      yield* until(Effect.sync(() => state.fetches === 1))
      yield* TestClock.adjust("4999 millis")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* failsBecause("TimedOut", Effect.flatten(Fiber.join(waiting)))
      assert.strictEqual(yield* memory.cancelled, 1)
    })
  )

  it.effect("a verifier forgets what it has verified with a key that has gone, and only then", () =>
    Effect.gen(function* () {
      const { keys, publish, state } = yield* inMemory({ maxAge: "1 minute", grace: 0 })
      const { verify } = yield* JwtVerifier.make({
        algorithms: ["ES256"],
        issuer: Jwt.anyIssuer,
        audience: Jwt.anyAudience,
        withoutExpiry: "allowed",
        keys
      })
      const token = yield* tokenOf("one")
      const first = yield* verify(token)
      const before = yield* keys.keysFor(first.header)
      publish(jwk("one"), jwk("two"))
      yield* keys.refresh
      assert.strictEqual(yield* verify(token), first)
      assert.strictEqual((yield* keys.keysFor(first.header)).keys[0], before.keys[0])
      publish(jwk("two"))
      yield* keys.refresh
      yield* refuses("Key", verify(token))
      publish(jwk("one"))
      yield* TestClock.adjust("1 minute")
      yield* verify(token)
      state.answer = away
      yield* TestClock.adjust("1 minute")
      yield* failsBecause("ServiceUnavailable", verify(token))
    })
  )
})

/** Well made, by a key that nobody knows. */
const unknown = (index: number) => forged({}, JSON.stringify({ alg: "ES256", kid: `unknown-${index}` }))

describe("a verifier while the issuer is away", () => {
  it.effect("P28: what is remembered does not keep the keys from being asked for", () =>
    Effect.gen(function* () {
      const { keys, publish, state } = yield* inMemory({ maxAge: "1 minute", grace: "1 hour" })
      const { verify } = yield* JwtVerifier.make({
        algorithms: ["ES256"],
        issuer: Jwt.anyIssuer,
        audience: Jwt.anyAudience,
        withoutExpiry: "allowed",
        keys
      })
      const token = yield* tokenOf("one")
      yield* verify(token)
      state.answer = away
      yield* TestClock.adjust("1 minute")
      yield* verify(token)
      yield* verify(token)
      assert.strictEqual(state.fetches, 2)
      publish(jwk("two"))
      yield* TestClock.adjust("1 second")
      yield* verify(token)
      yield* until(Effect.sync(() => state.fetches === 3))
      yield* keys.refresh
      yield* refuses("Key", verify(token))
    })
  )
})

describe("S13", () => {
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 })
  const rsa = Keys.pair("RS256").publicKey.export({ format: "jwk" })
  const private_ = Keys.pair("ES256").privateKey.export({ format: "jwk" })

  for (const [name, given] of [
    ["for encryption", { ...jwk("one"), use: "enc" }],
    ["for another operation", { ...jwk("one"), key_ops: ["deriveKey"] }],
    ["of another algorithm", { ...jwk("one"), alg: "ES384" }],
    ["that is a secret", { kty: "oct", kid: "one", k: "A".repeat(43), alg: "HS256" }],
    ["of an unknown kind", { ...jwk("one"), kty: "AKP" }],
    ["not on its curve", { ...jwk("one"), x: jwk("one").y }],
    ["whose kid is no text", { ...jwk("one"), kid: 1 }],
    ["that is no object", "one"],
    ["that is null", null]
  ] as const) {
    it.effect(`S13: a key ${name} is ignored, and the others are not`, () =>
      Effect.gen(function* () {
        const { keys, publish, verify } = yield* inMemory()
        publish(given, jwk("two"))
        yield* refuses("Key", verify(yield* tokenOf("one")))
        yield* verify(yield* tokenOf("two"))
        const { keys: all } = yield* keys.keysFor({ alg: "ES256", kid: "two" })
        assert.deepStrictEqual(
          all.map(({ id }) => id),
          ["two"]
        )
      })
    )
  }

  it.effect("S13: a token cannot use a public key as a secret", () =>
    Effect.gen(function* () {
      const { keys } = yield* inMemory()
      const token = forged({}, '{"alg":"HS256","kid":"one"}')
      yield* refuses("Key", verifying(keys, { algorithms: ["ES256", "HS256"] })(token))
    })
  )

  it.effect("S14: a weak RSA key is ignored; what an RSA key is for says the key, or the caller", () =>
    Effect.gen(function* () {
      const { keys, publish } = yield* inMemory({ rsaAlgorithm: "PS256" })
      publish(
        { ...weak.publicKey.export({ format: "jwk" }), kid: "weak" },
        { ...rsa, kid: "plain" },
        { ...rsa, kid: "told", alg: "RS512" }
      )
      const { keys: all } = yield* keys.keysFor({ alg: "PS256", kid: "plain" })
      assert.deepStrictEqual(
        all.map(({ algorithm, id }) => [id, algorithm]),
        [
          ["plain", "PS256"],
          ["told", "RS512"]
        ]
      )
    })
  )

  it.effect("of a private key that was published only the public part is used", () =>
    Effect.gen(function* () {
      const { keys, publish } = yield* inMemory()
      publish({ ...private_, kid: "one" })
      const { keys: all } = yield* keys.keysFor({ alg: "ES256", kid: "one" })
      assert.deepStrictEqual(
        all.map(({ canSign, canVerify }) => [canSign, canVerify]),
        [[false, true]]
      )
    })
  )
})

describe("an answer", () => {
  for (const [status, reason] of [
    [404, "NotImplemented"],
    [405, "NotImplemented"],
    [410, "NotImplemented"],
    [501, "NotImplemented"],
    [429, "RateLimited"],
    [502, "ServiceUnavailable"],
    [503, "ServiceUnavailable"],
    [504, "ServiceUnavailable"]
  ] as const) {
    it.effect(`of ${status} is a TransportError: ${reason}`, () =>
      Effect.gen(function* () {
        const { keys, state } = yield* inMemory()
        state.answer = HttpHandler.empty(status)
        yield* failsBecause(reason, keys.refresh)
      })
    )
  }

  it.effect("of 500 is a ServerError, and of 204, 400 and 403 an InvalidResponse with the number", () =>
    Effect.gen(function* () {
      const { keys, state } = yield* inMemory()
      state.answer = HttpHandler.empty(500)
      assert.strictEqual((yield* fails("ServerError", keys.refresh)).status, 500)
      for (const status of [204, 400, 403]) {
        state.answer = HttpHandler.empty(status)
        assert.strictEqual((yield* fails("InvalidResponse", keys.refresh)).code, status)
      }
    })
  )

  for (const body of [
    "",
    "<html></html>",
    "null",
    "[]",
    "{}",
    '{"keys":null}',
    '{"keys":{}}',
    '{"keys":[],"keys":[]}',
    `{"keys":[${"[".repeat(99)}${"]".repeat(99)}]}`,
    JSON.stringify({ keys: Array.from({ length: 101 }, () => ({})) })
  ]) {
    it.effect(`of ${body.slice(0, 40)} is an InvalidResponse, whatever it says it is`, () =>
      Effect.gen(function* () {
        const { keys, state } = yield* inMemory()
        state.answer = HttpHandler.text(200, "application/jwk-set+json", body)
        yield* fails("InvalidResponse", keys.refresh)
      })
    )
  }

  it.effect("S20: of more than was allowed is not read", () =>
    Effect.gen(function* () {
      const { keys, state } = yield* inMemory()
      state.answer = HttpHandler.text(200, "application/json", `{"keys":[]}${" ".repeat(256 * 1024 - 11)}`)
      yield* keys.refresh
      state.answer = HttpHandler.text(200, "application/json", `{"keys":[]}${" ".repeat(256 * 1024 - 10)}`)
      yield* failsBecause("MessageTooLarge", keys.refresh)
    })
  )
})

const field = (options: Partial<JwksCache.Options>) =>
  Effect.map(fails("InvalidRequest", inMemory(options)), (error) => error.field)

describe("options", () => {
  it.effect("S17: an address is https, or on this machine", () =>
    Effect.gen(function* () {
      for (const url of [
        `${ORIGIN}/keys?p=policy`,
        "http://localhost:1/k",
        "http://127.0.0.1:1/k",
        "http://[::1]:1/k"
      ]) {
        yield* inMemory({ url })
      }
      for (const url of [
        "http://issuer.example/keys",
        "http://localhost.example/keys",
        "http://x.localhost/keys",
        "https://user:word@issuer.example/keys",
        `${ORIGIN}/keys#part`,
        "file:///etc/keys",
        "data:application/json,{}",
        `blob:${ORIGIN}/keys`,
        "/keys",
        ""
      ]) {
        assert.strictEqual(yield* field({ url }), "url")
      }
    })
  )

  it.effect("durations and sizes make sense", () =>
    Effect.gen(function* () {
      for (const name of ["maxAge", "cooldown", "timeout", "grace"] as const) {
        for (const value of ["Infinity", -1] as const) {
          assert.strictEqual(yield* field({ [name]: value }), name)
        }
      }
      for (const value of [0, -1, 1.5, Number.NaN])
        assert.strictEqual(yield* field({ maxBytes: value }), "maxBytes")
    })
  )
})

const live =
  <A, E>(program: Effect.Effect<A, E, HttpClient.HttpClient | Scope.Scope>) =>
  () =>
    Effect.provide(program, FetchHttpClient.layer)

describe("over a real connection", () => {
  const overHttp = Effect.fnUntraced(function* (options: Partial<JwksCache.Options> = {}) {
    const issuer = answering()
    const faults = yield* HttpFaults.make
    const server = yield* HttpServer.make({ handler: issuer.handler, faults })
    const keys = yield* JwksCache.make({ url: `${server.url}/keys`, ...options })
    return { ...issuer, faults, keys, server, verify: verifying(keys) }
  })

  it.live(
    "keys are fetched, and a token is verified",
    live(
      Effect.gen(function* () {
        const { state, verify } = yield* overHttp()
        const { claims } = yield* verify(yield* tokenOf("one", { sub: "ada" }))
        assert.deepStrictEqual(claims, { sub: "ada" })
        assert.strictEqual(state.fetches, 1)
      })
    )
  )

  it.live(
    "S17: a redirect is not followed",
    live(
      Effect.gen(function* () {
        const { faults, keys, server } = yield* overHttp()
        yield* faults.push(HttpFaults.HttpFault.Redirect({ location: `${server.url}/elsewhere` }))
        const error = yield* failsBecause("UnexpectedRedirect", keys.refresh)
        assert.isFalse(error.isRetryable)
        assert.isTrue((yield* server.requests).every(({ path }) => path === "/keys"))
      })
    )
  )

  it.live(
    "P28: whoever is not there is no verdict on the token, and the last keys stay",
    live(
      Effect.gen(function* () {
        const { server, verify } = yield* overHttp()
        yield* server.setListening(false)
        const token = yield* tokenOf("one")
        yield* failsBecause("ConnectionFailed", verify(token))
        yield* server.setListening(true)
      })
    )
  )

  it.live(
    "a body that is cut short leaves the last keys",
    live(
      Effect.gen(function* () {
        const { faults, keys, verify } = yield* overHttp()
        yield* keys.refresh
        yield* faults.push(HttpFaults.HttpFault.DropAfter())
        yield* fails("TransportError", keys.refresh)
        yield* verify(yield* tokenOf("one"))
      })
    )
  )

  it.live(
    "S20: an answer without end is given up",
    live(
      Effect.gen(function* () {
        const { keys, state } = yield* overHttp({ maxBytes: 1000 })
        state.answer = HttpHandler.text(200, "application/json", " ".repeat(5_000_000))
        yield* failsBecause("MessageTooLarge", keys.refresh)
      })
    )
  )
})
