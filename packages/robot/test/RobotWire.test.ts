import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted, Schema } from "effect"
import { GetAuthTokenRequest, type GetAuthTokenResponse } from "../src/gen/bosdyn/api/auth.ts"
import * as Answer from "../src/internal/answer.ts"
import { authService, robotIdService, toTimestamp } from "../src/internal/wire.ts"
import { answer, bytes, header, hex, int64, message, varint } from "./support/wire.ts"

const where: Answer.Where = { provider: "robot", instance: "BD-1" }

const decode = authService.method.decode

const parsed = (from: Uint8Array): GetAuthTokenResponse =>
  Option.getOrThrowWith(decode(from), () => new Error("not understood"))

const tokenOf = (from: Uint8Array) => Effect.map(Answer.token(where, [], parsed(from)), Redacted.value)

const SUCCESS = answer({ header: 1, status: 1, token: "a.b.c" })

/** The same message once more, with one field of its own in every wire type and with high numbers. */
const unknownFields = message(
  varint(1000, -1),
  hex("a13f0102030405060708"), // 1012, eight bytes
  bytes(536_870_911, "unknown"),
  hex("a53f01020304") // 1012, four bytes
)

describe("the byte vectors of the contract", () => {
  it("login", () => {
    const sent = hex(
      "0a280a0c08da9c8ad8061080e6c1f20212187265662d636865636b766d3a7265616c322e70792d3538341204757365721a0d636f72726563742d686f727365"
    )
    const request = {
      header: {
        requestTimestamp: toTimestamp(1795329626_777024256n),
        clientName: "ref-checkvm:real2.py-584",
        disableRpcLogging: false
      },
      username: "user",
      password: "correct-horse",
      token: ""
    }
    assert.deepStrictEqual(authService.method.encode(request), new Uint8Array(sent))
    assert.deepStrictEqual(GetAuthTokenRequest.decode(sent), request)
  })

  it("re-mint, as this client sends it", () => {
    const request = {
      header: {
        requestTimestamp: toTimestamp(1700000000_000000005n),
        clientName: "app",
        disableRpcLogging: true
      },
      username: "",
      password: "",
      token: "a.b.c"
    }
    assert.deepStrictEqual(
      authService.method.encode(request),
      new Uint8Array(hex("0a110a080880e2cfaa061005120361707018012205612e622e63"))
    )
  })

  it.effect("answers", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* tokenOf(hex("0a042202080110011a05612e622e63")), "a.b.c")
      const failed = yield* Effect.flip(tokenOf(hex("0a0a220808021204626f6f6d")))
      assert.strictEqual(failed._tag, "ServerError")
      const unknown = yield* Effect.flip(tokenOf(hex("0a042202080110ffffffffffffffffff01")))
      assert.strictEqual(unknown._tag === "InvalidResponse" && unknown.code, -1)
    })
  )
})

describe("decoding", () => {
  it.effect("robot-20: what a protocol buffer may look like makes no difference", () =>
    Effect.gen(function* () {
      const variants = {
        "unknown fields": message(unknownFields, SUCCESS, unknownFields),
        "unknown fields inside the header": message(
          bytes(1, message(unknownFields, header(1), unknownFields)),
          varint(2, 1),
          bytes(3, "a.b.c")
        ),
        "reverse order": message(bytes(3, "a.b.c"), varint(2, 1), bytes(1, header(1))),
        "a status given twice": message(bytes(1, header(1)), varint(2, 3), varint(2, 1), bytes(3, "a.b.c")),
        "a token given twice": message(bytes(1, header(1)), bytes(3, "x"), varint(2, 1), bytes(3, "a.b.c")),
        "a header in two pieces": message(
          bytes(1, header(1)),
          varint(2, 1),
          bytes(3, "a.b.c"),
          bytes(1, bytes(3, int64(1, 1n)))
        ),
        "an error in two pieces": message(
          bytes(1, message(bytes(4, varint(1, 1)), bytes(4, bytes(2, "fine")))),
          varint(2, 1),
          bytes(3, "a.b.c")
        ),
        "padded varints": message(
          bytes(1, bytes(4, hex("08818000"))),
          hex("10818000"),
          hex("1a85800061"),
          hex("2e622e63")
        )
      }
      for (const [name, variant] of Object.entries(variants)) {
        assert.strictEqual(yield* tokenOf(variant), "a.b.c", name)
      }
    })
  )

  it.effect("a right field of a wrong wire type is an unknown field", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        tokenOf(message(bytes(1, header(1)), bytes(2, "\u0001"), bytes(3, "a.b.c")))
      )
      assert.strictEqual(error._tag === "ServerError" && error.status, 0)
    })
  )

  it("robot-21: a message cut anywhere inside is not understood", () => {
    // At these places a field has just ended, so that what is left is a message in its own right.
    const ends = new Set([0, bytes(1, header(1)).length, bytes(1, header(1)).length + 2, SUCCESS.length])
    for (let length = 0; length <= SUCCESS.length; length++) {
      const cut = decode(SUCCESS.subarray(0, length))
      assert.strictEqual(Option.isSome(cut), ends.has(length), `${length} bytes`)
      if (Option.isSome(cut)) assert.oneOf(cut.value.token, ["", "a.b.c"])
    }
  })

  it("robot-21: a token that is not UTF-8 is not understood", () => {
    for (const wrong of ["ff", "c328", "eda080", "612e80"]) {
      assert.isTrue(
        Option.isNone(decode(message(bytes(1, header(1)), varint(2, 1), bytes(3, hex(wrong))))),
        wrong
      )
    }
  })

  it.effect.prop(
    "robot-21: random bytes never throw, and never yield a token that they do not hold",
    { noise: Schema.Uint8Array },
    ({ noise }) =>
      Effect.sync(() => {
        const result = decode(noise)
        if (Option.isSome(result)) assert.include(Buffer.from(noise).toString(), result.value.token)
      }),
    { arbitrary: { runs: 500 } }
  )

  it.effect.prop(
    "robot-21: a good message with one byte changed never throws",
    {
      at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: SUCCESS.length - 1 })),
      to: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
    },
    ({ at, to }) =>
      Effect.sync(() => {
        const changed = Buffer.from(SUCCESS)
        changed[at] = to
        decode(changed)
      }),
    { arbitrary: { runs: 500 } }
  )

  it.effect("robot-23: no date of the robot's is a reason to refuse", () =>
    Effect.gen(function* () {
      for (const seconds of [2n ** 53n + 1n, -1n, 2n ** 63n - 1n, 86_400n]) {
        const head = message(
          bytes(2, int64(1, seconds)),
          bytes(3, message(int64(1, seconds), varint(2, -5))),
          header(1)
        )
        const from = message(bytes(1, head), varint(2, 1), bytes(3, "a.b.c"))
        assert.strictEqual(yield* tokenOf(from), "a.b.c")
        assert.strictEqual(parsed(from).header?.requestReceivedTimestamp?.seconds, seconds)
      }
    })
  )

  it("a robot's id is merged too", () => {
    const id = robotIdService.method.decode(
      message(
        bytes(1, header(1)),
        bytes(2, bytes(1, "BD-1")),
        bytes(2, bytes(4, bytes(1, varint(1, 5)))),
        bytes(2, bytes(4, message(bytes(1, varint(2, 1)), bytes(2, "5.1"))))
      )
    )
    const robotId = Option.getOrThrow(id).robotId
    assert.strictEqual(robotId?.serialNumber, "BD-1")
    assert.deepInclude(robotId?.softwareRelease?.version, { majorVersion: 5, minorVersion: 1 })
  })

  it.prop("timestamps are exact", { nanos: Schema.BigInt }, ({ nanos }) => {
    const { seconds, nanos: rest } = toTimestamp(nanos)
    assert.isTrue(rest >= 0 && rest <= 999_999_999)
    assert.strictEqual(seconds * 1_000_000_000n + BigInt(rest), nanos)
  })
})
