import { assert, describe, it } from "@effect/vitest"
import { DateTime, Option, Schema } from "effect"
import { whenItEnds } from "../src/internal/whenItEnds.ts"

const NOW = 1_795_328_785_777

const at = (millis: number) => Option.some(DateTime.makeUnsafe(millis))

const seconds = (millis: number): number => Math.floor(millis / 1000) * 1000

const Seconds = (most: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: most }))

describe("whenItEnds", () => {
  const base = { expiresIn: undefined, date: undefined, asked: NOW, answered: NOW }

  it.prop(
    "synmetrix-03: is exp itself where the clocks agree, however long the answer took",
    [Seconds(30), Seconds(1_000_000)],
    ([latency, life]) => {
      const answered = NOW + latency * 1000
      for (const served of [NOW, NOW + (latency * 1000) / 2, answered]) {
        const issuedAt = seconds(served)
        const ends = whenItEnds({
          ...base,
          answered,
          issuedAt: at(issuedAt),
          expiresAt: at(issuedAt + life * 1000)
        })
        assert.deepStrictEqual(ends, at(issuedAt + life * 1000))
      }
    }
  )

  it.prop(
    "P16: is a whole life after the request where they do not, to the second",
    [Schema.Int.check(Schema.isBetween({ minimum: -100_000, maximum: 100_000 })), Seconds(1_000_000)],
    ([skew, life]) => {
      const issuedAt = seconds(NOW) + skew * 1000
      const ends = whenItEnds({ ...base, issuedAt: at(issuedAt), expiresAt: at(issuedAt + life * 1000) })
      assert.deepStrictEqual(ends, at(seconds(NOW) + life * 1000))
    }
  )

  it("synmetrix-08: without exp it is what the answer says, in milliseconds", () => {
    const none = { issuedAt: Option.none(), expiresAt: Option.none() }
    assert.deepStrictEqual(
      whenItEnds({ ...base, ...none, expiresIn: 648_000_000 }),
      at(seconds(NOW) + 648_000_000)
    )
    assert.deepStrictEqual(whenItEnds({ ...base, ...none }), Option.none())
    // The date tells the time, not the life.
    assert.deepStrictEqual(
      whenItEnds({ ...base, ...none, date: "Sun, 22 Nov 2026 15:00:00 GMT" }),
      Option.none()
    )
  })

  it("synmetrix-08: exp counts more than jwt_expires_in", () => {
    const exp = at(seconds(NOW) + 60_000)
    const ends = whenItEnds({ ...base, issuedAt: Option.none(), expiresAt: exp, expiresIn: 1 })
    assert.deepStrictEqual(ends, exp)
  })

  it.prop("never throws", [Schema.Finite, Schema.Finite, Schema.String], ([one, two, date]) => {
    const ends = whenItEnds({
      ...base,
      issuedAt: DateTime.make(one),
      expiresAt: DateTime.make(two),
      expiresIn: one,
      date
    })
    assert.isBoolean(Option.isSome(ends))
  })
})
