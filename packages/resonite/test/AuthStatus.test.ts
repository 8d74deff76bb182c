import { assert, describe, it } from "@effect/vitest"
import { GrpcMethod } from "@latchkey/grpc"
import { DateTime, Effect, Equal, Option, Schema } from "effect"
import { AuthStatus } from "../src/index.ts"
import { AuthStatus as Wire } from "../src/gen/resonite_io/v1/auth.ts"
import { status } from "../src/internal/told.ts"

const json = Schema.toCodecJson(AuthStatus)

const Text = Schema.String.check(Schema.isPattern(/^\P{Cs}*$/u))

const Sent = Schema.Struct({
  loggedIn: Schema.Boolean,
  userId: Text,
  userName: Text,
  sessionExpiresUnixNanos: Schema.BigInt.check(
    Schema.isBetweenBigInt({ minimum: -(2n ** 63n), maximum: 2n ** 63n - 1n })
  )
})

const often = { arbitrary: { runs: 300 } }

describe("AuthStatus", () => {
  it.effect.prop(
    "resonite-08: every expiry survives the wire and JSON, digit by digit",
    { sent: Sent },
    ({ sent }) =>
      Effect.sync(() => {
        const told = status(Option.getOrThrow(GrpcMethod.decode(Wire, Wire.encode(sent).finish())))
        assert.strictEqual(told.sessionExpiresUnixNanos, sent.sessionExpiresUnixNanos)
        const read = Schema.decodeUnknownSync(json)(JSON.parse(JSON.stringify(told)))
        assert.isTrue(Equal.equals(read, told))
      }),
    often
  )

  it.effect.prop(
    "resonite-10: a date is never later than the expiry, and less than a millisecond before it",
    { sent: Sent },
    ({ sent }) =>
      Effect.sync(() => {
        const { sessionExpires } = status(sent)
        const nanos = sent.sessionExpiresUnixNanos
        assert.strictEqual(Option.isSome(sessionExpires), sent.loggedIn && nanos > 0n)
        if (Option.isNone(sessionExpires)) return
        const millis = BigInt(DateTime.toEpochMillis(sessionExpires.value))
        assert.isTrue(millis * 1_000_000n <= nanos && nanos < (millis + 1n) * 1_000_000n)
      }),
    often
  )

  it.effect.prop(
    "resonite-13: logged out is nobody, and logged in is whoever is named",
    { sent: Sent },
    ({ sent }) =>
      Effect.sync(() => {
        const { loggedIn, userId, userName } = status(sent)
        assert.strictEqual(loggedIn, sent.loggedIn)
        assert.strictEqual(userId, loggedIn && sent.userId !== "" ? sent.userId : undefined)
        assert.strictEqual(userName, loggedIn && sent.userName !== "" ? sent.userName : undefined)
      }),
    often
  )

  it.effect.prop(
    "resonite-15: random bytes are a status or none, and never throw",
    { noise: Schema.Uint8Array },
    ({ noise }) =>
      Effect.sync(() => {
        Option.map(GrpcMethod.decode(Wire, noise), (told) => status(told).sessionExpires)
      }),
    often
  )

  it("an expiry that no date can hold is no date", () => {
    const told = new AuthStatus({ loggedIn: true, sessionExpiresUnixNanos: 2n ** 90n })
    assert.isTrue(Option.isNone(told.sessionExpires))
  })

  it("two that say the same are equal", () => {
    const one = { loggedIn: true, userId: "U-1", sessionExpiresUnixNanos: 1n }
    assert.isTrue(Equal.equals(new AuthStatus(one), new AuthStatus(one)))
    assert.isFalse(Equal.equals(new AuthStatus(one), new AuthStatus({ ...one, sessionExpiresUnixNanos: 2n })))
  })
})
