/** What answers are read as, row by row, and what no answer may do. */
import { assert, describe, it } from "@effect/vitest"
import { empty, json, text } from "@latchkey/testing/HttpHandler"
import { DateTime, Duration, Effect, Exit, Option, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import { user, userData } from "../src/internal/claims.ts"
import { whichField } from "../src/internal/whichField.ts"
import { signed } from "../src/testing/internal/signed.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { operations } from "./support/operations.ts"
import { over, sample } from "./support/over.ts"

const where = { provider: "trustauthx", instance: "https://api.trustauthx.com#ak_main" }

const token = Redacted.make("at")

const now = DateTime.makeUnsafe(1_795_329_626_777)

const claims = {
  access_token: "at",
  refresh_token: "rt",
  sub: JSON.stringify({ email: "ann@example.com", uid: "uid_ann" })
}

const limited = (headers: Record<string, string>) =>
  Effect.gen(function* () {
    const { trustauthx } = yield* over(() => Effect.succeed(empty(429, headers)))
    const { reason } = yield* failsBecause("RateLimited", trustauthx.getUserData(token))
    return reason._tag === "RateLimited" ? reason.retryAfter : undefined
  })

describe("the table", () => {
  for (const [loc, field] of [
    [["query", "AccessToken"], "query.AccessToken"],
    [["body", "rol_id", 0], "body.rol_id.0"],
    [["body", "permissions", 1, "whatever was sent"], "body.permissions.1"],
    [["whatever was sent"], undefined],
    [[], undefined],
    ["query", undefined],
    [[null], undefined],
    [[1.5], undefined],
    [["body", -1], "body"],
    [["body", 123_456_789], "body"],
    [
      ["body", ...Array.from({ length: 1000 }, () => "permissions")],
      "body.permissions.permissions.permissions"
    ]
  ] as const) {
    it.effect(`422 about ${JSON.stringify(loc)} is about ${field}`, () =>
      Effect.gen(function* () {
        const { trustauthx } = yield* over(() =>
          Effect.succeed(json(422, { detail: [{ loc, msg: "no", type: "x", input: "secret" }] }))
        )
        const error = yield* fails("InvalidRequest", trustauthx.getUserData(token))
        assert.strictEqual(error.field, field)
      })
    )
  }

  for (const body of [{ detail: "no" }, { detail: [] }, { detail: [null] }, { detail: {} }, [], null, "x"]) {
    it.effect(`422 with ${JSON.stringify(body)} names no field`, () =>
      Effect.gen(function* () {
        const { trustauthx } = yield* over(() => Effect.succeed(json(422, body)))
        assert.isUndefined((yield* fails("InvalidRequest", trustauthx.getUserData(token))).field)
      })
    )
  }

  it.effect("429 says how long to wait, where the service does", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* limited({ "retry-after": "9" }), Duration.seconds(9))
      yield* TestClock.setTime(DateTime.toEpochMillis(now))
      const date = new Date(DateTime.toEpochMillis(now) + 5223).toUTCString()
      assert.deepStrictEqual(yield* limited({ "retry-after": date }), Duration.millis(5223))
      for (const bad of ["soon", "-1", "1e400", ""]) {
        assert.isUndefined(yield* limited({ "retry-after": bad }), bad)
      }
      assert.isUndefined(yield* limited({}))
    })
  )

  it.effect("an unknown status keeps its number", () =>
    Effect.gen(function* () {
      for (const status of [202, 206, 402, 409, 410, 499]) {
        const { trustauthx } = yield* over(() => Effect.succeed(json(status, null)))
        assert.strictEqual((yield* fails("InvalidResponse", trustauthx.getUserData(token))).code, status)
      }
    })
  )

  it.effect("what the service wrote about a failure is in no failure", () =>
    Effect.gen(function* () {
      for (const status of [400, 401, 403, 404, 422, 500]) {
        const { trustauthx } = yield* over(() =>
          Effect.succeed(json(status, { detail: "a very long story" }))
        )
        const error = yield* Effect.flip(trustauthx.getUserData(token))
        assert.notInclude(JSON.stringify([error, error.message, error.stack]), "story")
      }
    })
  )

  const Body = Schema.Union([Schema.Json, Schema.Struct({ jwt: Schema.Json })])
  const Type = Schema.Literals(["application/json", "text/html", "application/problem+json", "x"])
  const Status = Schema.Union([Schema.Literals([200, 200, 401, 422]), Schema.Int])

  it.effect.prop(
    "whatever the answer, no operation dies",
    [Body, Schema.String, Schema.Boolean, Type, Status],
    ([body, raw, isRaw, type, number]) =>
      Effect.gen(function* () {
        const status = 200 + (Math.abs(number) % 400)
        const isJwt = typeof body === "object" && body !== null && "jwt" in body
        const value = isJwt ? signed(body.jwt, Redacted.value(sample.secretKey)) : body
        const answer = text(status, type, isRaw ? raw : JSON.stringify(value))
        const services = yield* over(() => Effect.succeed(answer))
        for (const operation of operations) {
          const exit = yield* Effect.exit(operation.run(services))
          assert.isFalse(Exit.hasDies(exit), operation.name)
        }
      })
  )
})

const replacing = (answer: object) =>
  Effect.flatMap(
    over(() => Effect.succeed(json(200, answer))),
    ({ trustauthx }) =>
      trustauthx.attachRole({
        uid: "uid_ann",
        rolIds: "r",
        signOff: { accessToken: token, refreshToken: token }
      })
  )

describe("the answer to a sign-off", () => {
  const whole = { uid: "uid_ann", access_token: "at", refresh_token: "rt", role: ["r"] }

  it.effect("trustauthx-43: holds four members, or is InvalidResponse", () =>
    Effect.gen(function* () {
      assert.strictEqual(Redacted.value((yield* replacing(whole)).refreshToken), "rt")
      for (const name of Object.keys(whole)) {
        const lacking = Object.fromEntries(Object.entries(whole).filter(([member]) => member !== name))
        yield* fails("InvalidResponse", replacing(lacking))
        yield* fails("InvalidResponse", replacing({ ...whole, [name]: null }))
      }
    })
  )

  it.effect("trustauthx-44: without one tells what is there, and keeps the rest", () =>
    Effect.gen(function* () {
      for (const [answer, uid, role] of [
        [{}, undefined, undefined],
        [{ uid: 1, role: "r" }, undefined, undefined],
        [{ ...whole, more: 1 }, "uid_ann", ["r"]]
      ] as const) {
        const { trustauthx } = yield* over(() => Effect.succeed(json(200, answer)))
        const assigned = yield* trustauthx.updateRole({ uid: "uid_ann", add: "r", remove: [] })
        assert.deepStrictEqual([assigned.uid, assigned.role], [uid, role])
        assert.deepStrictEqual(Redacted.value(assigned.raw), answer)
      }
    })
  )
})

describe("the count of roles", () => {
  it.effect("trustauthx-51: on a list of roles itself leads to no other request, however wrong it is", () =>
    Effect.gen(function* () {
      const list = json(200, [])
      const { requests, roles } = yield* over(() =>
        Effect.succeed({ ...list, headers: { ...list.headers, "x-edge": "99" } })
      )
      assert.strictEqual(yield* roles.countRoles(), 0)
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* requests, 1)
      assert.isEmpty(yield* roles.getAllRoles())
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* requests, 2)
    })
  )
})

describe("the claims of a user", () => {
  it("a life that no clock can hold is an unknown one", () => {
    for (const exp of [1e300, Number.MAX_SAFE_INTEGER]) {
      const read = Option.getOrThrow(user(where, { ...claims, iat: 0, exp }, now))
      assert.isUndefined(read.session.expiresAt)
    }
  })

  it("a life is cut down to whole seconds, and is never negative", () => {
    for (const [iat, exp, millis] of [
      [100, 160.999, 60_000],
      [100.5, 160.999, 59_500],
      [100, 100, 0],
      [100, 40, 0]
    ] as const) {
      const { session } = Option.getOrThrow(user(where, { ...claims, iat, exp }, now))
      assert.deepStrictEqual(session.expiresAt, DateTime.addDuration(now, millis))
    }
  })

  it("one of both times alone tells nothing", () => {
    for (const times of [{ exp: 100 }, { iat: 100 }]) {
      const read = user(where, { ...claims, ...times }, now)
      assert.isUndefined(Option.getOrThrow(read).session.expiresAt)
    }
  })

  it("null stands for what is not there", () => {
    const nothing = { name: null, img: null, scope: null, type: null }
    const read = Option.getOrThrow(user(where, { ...claims, ...nothing }, now))
    assert.deepStrictEqual([read.name, read.img, read.scope, read.type], [null, null, [], undefined])
    assert.notProperty(read.session.account, "name")
  })

  for (const change of [
    { access_token: "" },
    { access_token: "half\ud800" },
    { refresh_token: 1 },
    { sub: "null" },
    { sub: '{"email":"ann@example.com","uid":""}' },
    { sub: '{"email":1,"uid":"uid_ann"}' },
    { scope: "profile email" },
    { scope: "[1]" },
    { scope: [1] },
    { name: 1 },
    { refresh_exp: "soon" }
  ]) {
    it(`none of a user with ${JSON.stringify(change)}`, () => {
      assert.isTrue(Option.isNone(user(where, { ...claims, ...change }, now)))
    })
  }

  const Person = Schema.Struct({
    uid: Schema.optionalKey(Schema.String),
    email: Schema.optionalKey(Schema.String),
    img: Schema.optionalKey(Schema.String)
  })

  it.prop("uid, email and img come from the top, or else from sub", [Person, Person], ([top, sub]) => {
    const read = userData({ ...top, sub: JSON.stringify(sub) })
    assert.strictEqual(read.uid, top.uid ?? sub.uid)
    assert.strictEqual(read.email, top.email ?? sub.email)
    assert.strictEqual(read.img, top.img ?? sub.img)
  })

  it("data without a sub, or with another one, is what stands at the top", () => {
    for (const sub of [{}, { sub: "user-1" }, { sub: "[]" }, { sub: "null" }, { sub: '{"uid":1}' }]) {
      const read = userData({ email: "ann@example.com", ...sub })
      assert.deepStrictEqual([read.uid, read.email, read.img], [undefined, "ann@example.com", undefined])
    }
  })
})

describe("the field of a complaint", () => {
  it.prop(
    "is made of the names of the contract alone, whatever stands there",
    [Schema.Json, Schema.Array(Schema.String)],
    ([detail, loc]) => {
      for (const body of [detail, { detail }, { detail: [{ loc }] }, { detail: [{ loc: detail }] }]) {
        assert.match(whichField(body) ?? "", /^(?:[\w-]+(?:\.[\w-]+){0,3})?$/)
      }
    }
  )
})

/** What becomes of a user of that name. */
const exchanged = (name: string) =>
  Effect.flatMap(
    over(() => Effect.succeed(json(200, signed({ ...claims, name }, Redacted.value(sample.secretKey))))),
    ({ trustauthx }) => trustauthx.getUser(Redacted.make("code"))
  )

describe("a JWT that is not from the service", () => {
  it.effect("is not looked at where it is longer than 64 kB", () =>
    Effect.gen(function* () {
      assert.lengthOf((yield* exchanged("x".repeat(40 * 1024))).name ?? "", 40 * 1024)
      const error = yield* fails("InvalidToken", exchanged("x".repeat(50 * 1024)))
      assert.strictEqual(error.check, "TooLarge")
    })
  )

  it.effect("any change to it is found out, and nothing of it is returned", () =>
    Effect.gen(function* () {
      const good = signed(claims, Redacted.value(sample.secretKey))
      for (let at = 0; at < good.length; at += 7) {
        const bad = `${good.slice(0, at)}${good[at] === "A" ? "B" : "A"}${good.slice(at + 1)}`
        const { trustauthx } = yield* over(() => Effect.succeed(json(200, bad)))
        const error = yield* fails("InvalidToken", trustauthx.getUser(Redacted.make("code")))
        assert.include(["Malformed", "Algorithm", "Signature", "Critical"], error.check)
      }
      const { trustauthx } = yield* over(() => Effect.succeed(json(200, good)))
      assert.strictEqual((yield* trustauthx.getUser(Redacted.make("code"))).uid, "uid_ann")
    })
  )
})
