/** What is read from a token, and what is believed. */
import { assert, describe, it } from "@effect/vitest"
import * as Jwt from "@latchkey/jwt/Jwt"
import * as JwtKey from "@latchkey/jwt/JwtKey"
import { DateTime, Effect, Option, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import { empty } from "@latchkey/testing/HttpHandler"
import { inspect } from "node:util"
import type { Options } from "../src/index.ts"
import { fails } from "../../../test/support/fails.ts"
import { answering, over } from "./support/over.ts"
import { claims, hasura, jwt, session, USER } from "./support/tokens.ts"

const LONG = "https://hasura.io/jwt/claims"

const silent = (options?: Partial<Options>) =>
  Effect.map(over(answering(empty(500)), options), ({ synmetrix }) => synmetrix)

const parsed = (payload: unknown, options?: Partial<Options>) =>
  Effect.flatMap(silent(options), (synmetrix) => synmetrix.parseAccessToken(Redacted.make(jwt(payload))))

const other = {
  "x-hasura-user-id": "other",
  "x-hasura-allowed-roles": ["other"],
  "x-hasura-default-role": "other"
}

const at = (seconds: number) => Option.some(DateTime.makeUnsafe(seconds * 1000))

describe("parseAccessToken", () => {
  it.effect("synmetrix-03: tells user, roles and times in whole seconds", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* parsed({ ...claims, exp: 1795976785.9 }), {
        verified: false,
        userId: Option.some(USER),
        roles: ["user"],
        defaultRole: Option.some("user"),
        issuedAt: at(0),
        expiresAt: at(1795976785),
        claims: { "x-hasura-user-id": USER, "x-hasura-default-role": "user" }
      })
    })
  )

  it.effect("synmetrix-04: reads the long namespace as it reads the short one", () =>
    Effect.gen(function* () {
      const { hasura: _, ...bare } = claims
      assert.deepStrictEqual(yield* parsed({ ...bare, [LONG]: hasura }), yield* parsed(claims))
    })
  )

  it.effect("synmetrix-05: of both, the short one wins, and before it one that was asked for", () =>
    Effect.gen(function* () {
      const token = yield* parsed({ [LONG]: other, hasura })
      assert.deepStrictEqual(token.userId, Option.some(USER))
      assert.deepStrictEqual(token.roles, ["user"])
      const own = { claimsNamespace: "urn:own" }
      assert.deepStrictEqual((yield* parsed({ hasura, "urn:own": other }, own)).roles, ["other"])
      assert.deepStrictEqual((yield* parsed({ hasura }, own)).roles, ["user"])
      assert.deepStrictEqual((yield* parsed({ [LONG]: other, hasura: "text" })).roles, ["other"])
    })
  )

  it.effect("synmetrix-06: reads the names without a prefix where the others are missing", () =>
    Effect.gen(function* () {
      const short = { allowed_roles: ["a", "b"], default_role: "b" }
      const token = yield* parsed({ hasura: short, sub: "s" })
      assert.deepStrictEqual(token.roles, ["a", "b"])
      assert.deepStrictEqual(token.defaultRole, Option.some("b"))
      assert.deepStrictEqual(token.userId, Option.some("s"))
      const mixed = yield* parsed({ hasura: { ...short, ...hasura } })
      assert.deepStrictEqual(mixed.roles, ["user"])
    })
  )

  it.effect("synmetrix-07: without a namespace there are no roles, and the user is sub", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* parsed({ sub: "s" }), {
        verified: false,
        userId: Option.some("s"),
        roles: [],
        defaultRole: Option.none(),
        issuedAt: Option.none(),
        expiresAt: Option.none(),
        claims: {}
      })
      for (const name of ["__proto__", "constructor", "toString"]) {
        assert.deepStrictEqual((yield* parsed({ hasura }, { claimsNamespace: name })).roles, ["user"], name)
      }
    })
  )

  it.effect("what is no JWT is an invalid token of this server", () =>
    Effect.gen(function* () {
      const synmetrix = yield* silent()
      for (const text of ["", "admin-secret", "a.b.c", `${jwt(claims)}.x`, jwt({ exp: "soon" })]) {
        const error = yield* fails("InvalidToken", synmetrix.parseAccessToken(Redacted.make(text)))
        assert.deepStrictEqual([error.provider, error.instance], ["synmetrix", "http://localhost:3000"])
      }
    })
  )

  it.effect.prop(
    "whatever a claim is, it reads or counts as missing",
    [Schema.Json, Schema.Json],
    ([one, two]) =>
      Effect.gen(function* () {
        for (const members of [
          one,
          { "x-hasura-allowed-roles": one, "x-hasura-default-role": two },
          { "x-hasura-user-id": one, allowed_roles: two }
        ]) {
          const token = yield* parsed({ hasura: members, [LONG]: two })
          assert.isTrue(token.roles.every((role) => typeof role === "string" && role !== ""))
          assert.isTrue(Option.isNone(token.userId) || typeof token.userId.value === "string")
          assert.isTrue(Object.values(token.claims).every((text) => typeof text === "string"))
        }
      })
  )
})

const keyOf = (secret: string) =>
  JwtKey.fromSecret({ algorithm: "HS256", secret: Redacted.make(secret.padEnd(32, "-")) })

describe("verifyAccessToken", () => {
  it.effect("synmetrix-04: believes what the key has signed, for as long as it lasts", () =>
    Effect.gen(function* () {
      const synmetrix = yield* silent()
      const key = yield* keyOf("right")
      const token = yield* Jwt.sign(claims, key, { header: {} })
      assert.deepStrictEqual(yield* synmetrix.verifyAccessToken(token, { key }), {
        ...(yield* synmetrix.parseAccessToken(token)),
        verified: true
      })
      // One that Synmetrix has made for itself.
      const internal = { ...claims, iss: "services:actions", aud: "services:hasura" }
      yield* synmetrix.verifyAccessToken(yield* Jwt.sign(internal, key, { header: {} }), { key })
      const wrong = yield* fails(
        "InvalidToken",
        synmetrix.verifyAccessToken(token, { key: yield* keyOf("wrong") })
      )
      assert.strictEqual(wrong.check, "Signature")
      assert.strictEqual(wrong.provider, "synmetrix")
      const forged = yield* fails(
        "InvalidToken",
        synmetrix.verifyAccessToken(Redacted.make(jwt(claims)), { key })
      )
      assert.strictEqual(forged.check, "Signature")
      yield* TestClock.setTime(claims.exp * 1000 + 59_999)
      yield* synmetrix.verifyAccessToken(token, { key })
      yield* TestClock.adjust(1)
      const late = yield* fails("InvalidToken", synmetrix.verifyAccessToken(token, { key }))
      assert.strictEqual(late.check, "Expired")
      yield* synmetrix.verifyAccessToken(token, { key, leeway: "5 minutes" })
      const error = yield* fails("InvalidRequest", synmetrix.verifyAccessToken(token, { key, leeway: -1 }))
      assert.strictEqual(error.field, "leeway")
    })
  )
})

describe("authHeaders", () => {
  it.effect("S38: a role is one of those that the session has", () =>
    Effect.gen(function* () {
      const synmetrix = yield* silent()
      const held = session({
        accessToken: Redacted.make(
          jwt({ hasura: { ...hasura, "x-hasura-allowed-roles": ["user", "editor"] } })
        ),
        // What it says itself does not count.
        account: { roles: ["admin"] }
      })
      assert.deepStrictEqual(
        { ...(yield* synmetrix.authHeaders(held)) },
        { authorization: `Bearer ${Redacted.value(held.accessToken ?? Redacted.make(""))}` }
      )
      assert.strictEqual((yield* synmetrix.authHeaders(held, { role: "editor" }))["x-hasura-role"], "editor")
      for (const role of ["admin", "", "Editor", "user,editor", "constructor"]) {
        yield* fails("PermissionDenied", synmetrix.authHeaders(held, { role }))
      }
    })
  )

  it.effect("S38: an admin secret is no session", () =>
    Effect.gen(function* () {
      const synmetrix = yield* silent()
      const accessToken = Redacted.make("a-hasura-admin-secret")
      yield* fails("InvalidToken", synmetrix.authHeaders(session({ accessToken })))
      yield* fails("InvalidToken", synmetrix.authHeaders(session({ accessToken }), { role: "admin" }))
    })
  )

  it.effect("S05: the session of another server is refused", () =>
    Effect.gen(function* () {
      const synmetrix = yield* silent()
      const error = yield* fails(
        "InvalidRequest",
        synmetrix.authHeaders(session({}, "http://localhost:3001"))
      )
      assert.strictEqual(error.field, "session")
    })
  )

  it.effect("are masked when they are printed", () =>
    Effect.gen(function* () {
      const headers = yield* (yield* silent()).authHeaders(session())
      for (const text of [JSON.stringify(headers), JSON.stringify({ headers }), inspect(headers)]) {
        assert.notInclude(text, "eyJ")
      }
    })
  )
})
