import { assert, describe, it } from "@effect/vitest"
import * as Errors from "@latchkey/core/AuthError"
import * as StoreReasons from "@latchkey/core/SessionStoreError"
import * as Reasons from "@latchkey/core/TransportError"
import { Cause, Duration, Effect, Schema } from "effect"
import { inspect } from "node:util"

const where = { provider: "robot", instance: "https://192.0.2.1", message: "ask again, and say which" }
const why = { message: "ask again, and say which" }

const transport = [
  new Reasons.ConnectionFailed(why),
  new Reasons.NameNotResolved(why),
  new Reasons.CertificateRejected(why),
  new Reasons.TimedOut(why),
  new Reasons.Closed(why),
  new Reasons.RateLimited({ ...why, retryAfter: Duration.seconds(2) }),
  new Reasons.ServiceUnavailable(why),
  new Reasons.NotImplemented(why),
  new Reasons.UnexpectedRedirect(why),
  new Reasons.MessageTooLarge(why),
  new Reasons.SocketNotFound(why),
  new Reasons.AmbiguousSocket(why)
]

const store = [
  new StoreReasons.Unavailable(why),
  new StoreReasons.Corrupt(why),
  new StoreReasons.CorruptEntry(why),
  new StoreReasons.Conflict(why),
  new StoreReasons.LeaseTimeout(why),
  new StoreReasons.NotRepresentable(why),
  new StoreReasons.WrongKey(why)
]

const every: ReadonlyArray<Errors.AuthError> = [
  new Errors.InvalidLogin({ ...where, factor: "password" }),
  new Errors.InvalidToken(where),
  new Errors.TemporarilyLockedOut({ ...where, retryAfter: Duration.minutes(1) }),
  new Errors.FailedPrecondition({ ...where, precondition: "NotReady" }),
  new Errors.FailedPrecondition({ ...where, precondition: "TotpRequired" }),
  new Errors.InvalidApplicationToken(where),
  new Errors.ExpiredApplicationToken(where),
  new Errors.AccountExists({ ...where, active: true }),
  new Errors.PermissionDenied(where),
  new Errors.NotAuthenticated(where),
  new Errors.SessionExpired({ ...where, verdict: "InvalidToken" }),
  new Errors.RefreshUncertain(where),
  new Errors.InvalidRequest({ ...where, field: "url" }),
  new Errors.InvalidResponse({ ...where, code: 99 }),
  new Errors.ServerError({ ...where, status: 500 }),
  ...transport.map((reason) => Reasons.TransportError.because(where, reason)),
  ...store.map((reason) => StoreReasons.SessionStoreError.because(where, reason))
]

const nameOf = (error: Errors.AuthError) =>
  "reason" in error
    ? `${error._tag} ${error.reason._tag}`
    : error._tag === "FailedPrecondition"
      ? `${error._tag} ${error.precondition}`
      : error._tag

const codec = Schema.toCodecJson(Errors.AuthError)

describe("AuthError", () => {
  it("the union has a specimen of each of its members here", () => {
    const tags = Errors.AuthError.members.map((member) => member.fields._tag.schema.literal)
    assert.sameMembers(tags, [...new Set(every.map((error) => error._tag))])
    const transportTags = Reasons.TransportErrorReason.members.map(
      (member) => member.fields._tag.schema.literal
    )
    assert.sameMembers(
      transportTags,
      transport.map((reason) => reason._tag)
    )
    const storeTags = StoreReasons.SessionStoreErrorReason.members.map(
      (member) => member.fields._tag.schema.literal
    )
    assert.sameMembers(
      storeTags,
      store.map((reason) => reason._tag)
    )
  })

  it("only what may pass by itself is retryable", () => {
    assert.deepStrictEqual(every.filter((error) => error.isRetryable).map(nameOf), [
      "FailedPrecondition NotReady",
      "ServerError",
      "TransportError ConnectionFailed",
      "TransportError TimedOut",
      "TransportError Closed",
      "TransportError RateLimited",
      "TransportError ServiceUnavailable",
      "TransportError MessageTooLarge",
      "TransportError SocketNotFound",
      "SessionStoreError Unavailable",
      "SessionStoreError LeaseTimeout"
    ])
  })

  for (const error of every) {
    it(`${nameOf(error)} says who, where and what to do, however it is printed`, () => {
      assert.isTrue(String(error).startsWith(`${error._tag}: `))
      assert.isTrue(error.stack?.startsWith(`${error._tag}: `))
      for (const printed of [JSON.stringify(error), inspect(error)]) {
        for (const part of [error._tag, where.provider, where.instance, where.message])
          assert.include(printed, part)
      }
      assert.include(Cause.pretty(Cause.fail(error)), where.message)
    })

    it(`${nameOf(error)} survives being sent`, () => {
      const sent = Schema.decodeUnknownSync(codec)(
        JSON.parse(JSON.stringify(Schema.encodeSync(codec)(error)))
      )
      assert.deepStrictEqual(JSON.parse(JSON.stringify(sent)), JSON.parse(JSON.stringify(error)))
      assert.isTrue(Errors.isAuthError(sent))
    })
  }

  it("no error has room for a request, an answer, a header or a cause", () => {
    const room = new Set(Errors.AuthError.members.flatMap((member) => Object.keys(member.fields)))
    assert.sameMembers(
      [...room],
      [
        "_tag",
        "provider",
        "instance",
        "message",
        "reason",
        "factor",
        "retryAfter",
        "precondition",
        "active",
        "verdict",
        "check",
        "field",
        "code",
        "status"
      ]
    )
  })

  it.effect("one reason can be caught by itself", () =>
    Effect.gen(function* () {
      const late = Effect.fail(Reasons.TransportError.because(where, new Reasons.TimedOut(why)))
      const caught = yield* Effect.catchReason(late, "TransportError", "TimedOut", (reason) =>
        Effect.succeed(reason._tag)
      )
      assert.strictEqual(caught, "TimedOut")
      const refused = Effect.fail(Reasons.TransportError.because(where, new Reasons.ConnectionFailed(why)))
      const left = yield* Effect.flip(
        Effect.catchReason(refused, "TransportError", "TimedOut", () => Effect.succeed("caught"))
      )
      assert.strictEqual(left._tag, "TransportError")
    })
  )

  it("anything else is not one", () => {
    for (const other of [new Error("no"), { _tag: "InvalidLogin" }, undefined, "InvalidLogin"]) {
      assert.isFalse(Errors.isAuthError(other))
    }
  })
})
