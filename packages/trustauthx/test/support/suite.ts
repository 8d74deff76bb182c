import { assert, describe, type Vitest } from "@effect/vitest"
import { DateTime, Effect, type Layer, Redacted, type Scope } from "effect"
import { SessionKey } from "@latchkey/core"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { RoleAssignment, SignOffSessionReplace, TrustAuthX, TrustAuthXRoles, User } from "../../src/index.ts"
import { Authority } from "../../src/testing.ts"
import type * as Test from "../../src/testing/TrustAuthXTest.ts"
import { fails, failsBecause } from "../../../../test/support/fails.ts"
import { body, line, query } from "./query.ts"

const { HttpFault } = HttpFaults

const secret = (text: string) => Redacted.make(text)

const read = (given: Redacted.Redacted<string> | undefined): string =>
  given === undefined ? "" : Redacted.value(given)

const set = (access: string, refresh?: string) => ({
  accessToken: secret(access),
  ...(refresh !== undefined && { refreshToken: secret(refresh) })
})

const EDITOR = "rol_edt_0000000000000002"
const VIEWER = "rol_vwr_0000000000000003"

/** What every service must do, whatever carries the requests. */
export const suite = (
  it: Vitest.Tester<Scope.Scope>,
  name: string,
  layer: (options?: Test.Options) => Layer.Layer<TrustAuthX | TrustAuthXRoles | Authority, unknown>
): void => {
  const test = <E>(
    title: string,
    program: (
      trustauthx: TrustAuthX["Service"],
      authority: Authority["Service"],
      roles: TrustAuthXRoles["Service"]
    ) => Effect.Effect<void, E, Scope.Scope>,
    options?: Test.Options
  ): void =>
    it(title, () =>
      Effect.gen(function* () {
        yield* program(yield* TrustAuthX, yield* Authority, yield* TrustAuthXRoles)
      }).pipe(Effect.provide(layer(options)))
    )

  const signedIn = Effect.fnUntraced(function* (
    trustauthx: TrustAuthX["Service"],
    authority: Authority["Service"]
  ) {
    return yield* trustauthx.getUser(yield* authority.signIn("uid_ann"))
  })

  describe(`a service ${name}`, () => {
    describe("a code", () => {
      test("trustauthx-07: is sent first in the query, and nothing besides the keys", (trustauthx, authority) =>
        Effect.gen(function* () {
          const code = yield* authority.signIn("uid_ann")
          yield* trustauthx.getUser(code)
          const [request, ...others] = yield* authority.requests
          assert.isEmpty(others)
          assert.deepStrictEqual([request?.method, request?.path], ["GET", "/api/user/me/auth/data"])
          assert.deepStrictEqual(
            query(request).map(([key]) => key),
            ["UserToken", "api_key", "signed_key"]
          )
          assert.strictEqual(query(request)[0]?.[1], read(code))
          assert.strictEqual(request?.headers.get("accept"), "application/json")
          assert.isFalse(request?.headers.has("authorization"))
          assert.isFalse(request?.headers.has("cookie"))
          assert.strictEqual(request?.body.length, 0)
        }))

      test("trustauthx-08: gives the user, with a session by the local clock", (trustauthx, authority) =>
        Effect.gen(function* () {
          const user = yield* signedIn(trustauthx, authority)
          assert.instanceOf(user, User)
          assert.strictEqual(user.uid, "uid_ann")
          assert.strictEqual(user.email, "ann+test@example.com")
          assert.strictEqual(user.name, "Ann Example")
          assert.strictEqual(user.img, "https://img.example.com/ann.png")
          assert.deepStrictEqual(user.scope, ["profile", "email"])
          assert.strictEqual(user.iss, "https://api.trustauthx.com")
          assert.strictEqual(user.type, "user")
          assert.isNotEmpty(user.jti)
          assert.match(read(user.accessToken), /^at-/)
          assert.match(read(user.refreshToken), /^rt-/)
          assert.strictEqual((user.exp ?? 0) - (user.iat ?? 0), 3600.75)
          assert.strictEqual((user.refreshExp ?? 0) - (user.iat ?? 0), 30 * 86_400)
          assert.notProperty(user, "sub")
          const { session } = user
          assert.deepStrictEqual(
            session.key,
            new SessionKey({ provider: "trustauthx", instance: trustauthx.instance, account: "uid_ann" })
          )
          assert.deepStrictEqual(session.account, { id: "uid_ann", name: "Ann Example" })
          assert.strictEqual(read(session.accessToken), read(user.accessToken))
          assert.strictEqual(read(session.refreshToken), read(user.refreshToken))
          const life =
            session.expiresAt &&
            DateTime.toEpochMillis(session.expiresAt) - DateTime.toEpochMillis(session.issuedAt)
          assert.strictEqual(life, 3_600_000)
        }))

      test("trustauthx-09: is good once", (trustauthx, authority) =>
        Effect.gen(function* () {
          const code = yield* authority.signIn("uid_ann")
          yield* trustauthx.getUser(code)
          const error = yield* fails("InvalidToken", trustauthx.getUser(code))
          assert.isUndefined(error.check)
          for (const status of [400, 401, 403]) {
            yield* fails("InvalidToken", trustauthx.getUser(secret(`code-${status}`)))
          }
        }))

      test("trustauthx-10: of a user with any Unicode, and without a picture", (trustauthx) =>
        Effect.gen(function* () {
          const user = yield* trustauthx.getUser(secret("code-zoe"))
          assert.strictEqual(user.name, "Zoë 佐伊 🦊")
          assert.strictEqual(user.email, "zoë@example.com")
          assert.isNull(user.img)
        }))

      for (const [code, check] of [
        ["code-badsig", "Signature"],
        ["code-none", "Algorithm"],
        ["code-hs512", "Algorithm"],
        ["code-rs256", "Algorithm"],
        ["code-notjwt", "Malformed"]
      ] as const) {
        test(`trustauthx-11: ${code} is not believed`, (trustauthx) =>
          Effect.gen(function* () {
            const error = yield* fails("InvalidToken", trustauthx.getUser(secret(code)))
            assert.strictEqual(error.check, check)
            assert.strictEqual(error.provider, "trustauthx")
            assert.strictEqual(error.instance, trustauthx.instance)
            yield* fails("InvalidToken", trustauthx.reAuth(secret(code)))
          }))
      }

      for (const [code, check] of [
        ["code-expired", "Expired"],
        ["code-notyet", "NotYetValid"]
      ] as const) {
        test(`trustauthx-12: ${code} is out of date`, (trustauthx) =>
          Effect.gen(function* () {
            const error = yield* fails("InvalidToken", trustauthx.getUser(secret(code)))
            assert.strictEqual(error.check, check)
          }))
      }

      for (const [code, check] of [
        ["code-aud", "Audience"],
        ["code-objsub", "Claims"]
      ] as const) {
        test(`trustauthx-13: ${code} is refused`, (trustauthx) =>
          Effect.gen(function* () {
            const error = yield* fails("InvalidToken", trustauthx.getUser(secret(code)))
            assert.strictEqual(error.check, check)
          }))
      }

      for (const code of ["code-nosub", "code-badsub", "code-nouid", "code-norefresh"]) {
        test(`trustauthx-14: ${code} is InvalidResponse`, (trustauthx) =>
          fails("InvalidResponse", trustauthx.getUser(secret(code))))
      }

      for (const code of ["code-extra", "code-noscope", "code-listscope", "code-noexp"]) {
        test(`trustauthx-15: ${code} is a user`, (trustauthx) =>
          Effect.gen(function* () {
            const user = yield* trustauthx.getUser(secret(code))
            assert.strictEqual(user.uid, "uid_ann")
            assert.deepStrictEqual(user.scope, code === "code-noscope" ? [] : ["profile", "email"])
            assert.strictEqual(user.exp === undefined, code === "code-noexp")
            assert.strictEqual(user.session.expiresAt === undefined, code === "code-noexp")
          }))
      }

      for (const code of ["null", "number", "array", "object", "empty", "html", "malformed", "204"]) {
        test(`trustauthx-16: code-${code} is InvalidResponse`, (trustauthx) =>
          Effect.gen(function* () {
            yield* fails("InvalidResponse", trustauthx.getUser(secret(`code-${code}`)))
            yield* fails("InvalidResponse", trustauthx.reAuth(secret(`code-${code}`)))
          }))
      }

      test("trustauthx-06, trustauthx-17: of the page for settings is for reAuth, under its own name", (trustauthx, authority) =>
        Effect.gen(function* () {
          const { accessToken } = yield* signedIn(trustauthx, authority)
          const code = yield* authority.edit(accessToken)
          yield* fails("InvalidToken", trustauthx.getUser(code))
          const user = yield* trustauthx.reAuth(code)
          assert.strictEqual(user.uid, "uid_ann")
          assert.deepStrictEqual(user.scope, ["profile", "email"])
          const request = (yield* authority.requests).at(-1)
          assert.strictEqual(request?.method, "GET")
          assert.strictEqual(request?.path, "/api/user/me/widget/re-auth/token")
          assert.deepStrictEqual(
            query(request).map(([key]) => key),
            ["code", "api_key", "signed_key"]
          )
          yield* fails("InvalidToken", trustauthx.reAuth(code))
          yield* fails("InvalidToken", trustauthx.reAuth(yield* authority.signIn("uid_ann")))
        }))
    })

    describe("the data of a user", () => {
      for (const token of ["at-subonly", "at-toponly"]) {
        test(`trustauthx-18: ${token} gives uid and email`, (trustauthx, authority) =>
          Effect.gen(function* () {
            const data = yield* trustauthx.getUserData(secret(token))
            assert.strictEqual(data.uid, "uid_ann")
            assert.strictEqual(data.email, "ann+test@example.com")
            assert.strictEqual(data.img, "https://img.example.com/ann.png")
            const claims = Redacted.value(data.claims)
            assert.strictEqual(claims["access_token"], token)
            assert.strictEqual(
              line((yield* authority.requests)[0]),
              `GET /api/user/me/data AccessToken=${token}`
            )
          }))
      }

      test("trustauthx-19: at-badsig is not believed", (trustauthx) =>
        Effect.gen(function* () {
          const error = yield* fails("InvalidToken", trustauthx.getUserData(secret("at-badsig")))
          assert.strictEqual(error.check, "Signature")
          const refused = yield* fails("InvalidToken", trustauthx.getUserData(secret("at-unknown")))
          assert.isUndefined(refused.check)
        }))
    })

    describe("an access token", () => {
      test("trustauthx-20: is good, or not, by the verdict of the service", (trustauthx, authority) =>
        Effect.gen(function* () {
          const { accessToken } = yield* signedIn(trustauthx, authority)
          assert.isTrue(yield* trustauthx.validateAccessToken(accessToken))
          const request = (yield* authority.requests).at(-1)
          assert.strictEqual(
            line(request),
            `GET /api/user/me/auth/validate/token AccessToken=${read(accessToken)}`
          )
          for (const token of [
            "at-expired",
            "at-401",
            "at-403",
            "at-404",
            "at-422",
            "at-201",
            "at-204",
            "at-false"
          ]) {
            assert.isFalse(yield* trustauthx.validateAccessToken(secret(token)), token)
          }
          yield* authority.elapse("2 hours")
          assert.isFalse(yield* trustauthx.validateAccessToken(accessToken))
        }))

      test("trustauthx-21: a service that fails says nothing about it", (trustauthx) =>
        Effect.gen(function* () {
          assert.strictEqual(
            (yield* fails("ServerError", trustauthx.validateAccessToken(secret("at-500")))).status,
            500
          )
          assert.strictEqual(
            (yield* fails("ServerError", trustauthx.validateAccessToken(secret("at-502")))).status,
            502
          )
          const limited = yield* failsBecause("RateLimited", trustauthx.validateAccessToken(secret("at-429")))
          assert.isTrue(limited.isRetryable)
          yield* failsBecause("Closed", trustauthx.validateAccessToken(secret("at-reset")))
          yield* failsBecause("TimedOut", trustauthx.validateAccessToken(secret("at-408")))
        }))

      test("trustauthx-22: nor does a page that somebody puts in between", (trustauthx, authority) =>
        Effect.gen(function* () {
          yield* fails("InvalidResponse", trustauthx.validateAccessToken(secret("at-html")))
          for (const status of [401, 403, 404]) {
            yield* authority.faults.push(HttpFault.Html({ status }))
            yield* fails("ServerError", trustauthx.validateAccessToken(secret("at-valid")))
          }
        }))
    })

    describe("a renewal", () => {
      test("trustauthx-23: exchanges the refresh token, at a path that ends in a slash", (trustauthx, authority) =>
        Effect.gen(function* () {
          const { accessToken, refreshToken } = yield* signedIn(trustauthx, authority)
          const pair = yield* trustauthx.getAccessTokenFromRefreshToken(refreshToken)
          const request = (yield* authority.requests).at(-1)
          assert.strictEqual(
            line(request),
            `GET /api/user/me/access/token/ RefreshToken=${read(refreshToken)}`
          )
          assert.notStrictEqual(read(pair.accessToken), read(accessToken))
          assert.notStrictEqual(read(pair.refreshToken), read(refreshToken))
          assert.isTrue(yield* trustauthx.validateAccessToken(pair.accessToken))
        }))

      test("trustauthx-24: keeps the old refresh token where there is no new one", (trustauthx) =>
        Effect.gen(function* () {
          const pair = yield* trustauthx.getAccessTokenFromRefreshToken(secret("rt-norefresh"))
          assert.strictEqual(read(pair.accessToken), "at-valid")
          assert.strictEqual(read(pair.refreshToken), "rt-norefresh")
          for (const token of ["noaccess", "nulls", "array", "null", "malformed"]) {
            yield* fails("InvalidResponse", trustauthx.getAccessTokenFromRefreshToken(secret(`rt-${token}`)))
          }
        }))

      test("trustauthx-25: of a session that is over is SessionExpired", (trustauthx) =>
        Effect.gen(function* () {
          for (const token of ["rt-expired", "rt-400", "rt-401", "rt-403"]) {
            yield* fails("SessionExpired", trustauthx.getAccessTokenFromRefreshToken(secret(token)))
          }
        }))
    })

    describe("a set of tokens", () => {
      test("trustauthx-26: stays as it is while the access token is good", (trustauthx, authority) =>
        Effect.gen(function* () {
          const check = yield* trustauthx.validateTokenSet(set("at-valid", "rt-valid"))
          assert.isTrue(check.state)
          assert.strictEqual(read(check.access), "at-valid")
          assert.strictEqual(read(check.refresh), "rt-valid")
          assert.lengthOf(yield* authority.requests, 1)
          const alone = yield* trustauthx.validateTokenSet(set("at-valid"))
          assert.isUndefined(alone.refresh)
        }))

      test("trustauthx-27: is replaced once it is not", (trustauthx) =>
        Effect.gen(function* () {
          const check = yield* trustauthx.validateTokenSet(set("at-expired", "rt-valid"))
          assert.isFalse(check.state)
          assert.notStrictEqual(read(check.refresh), "rt-valid")
          assert.isTrue(yield* trustauthx.validateAccessToken(check.access))
        }))

      test("trustauthx-28: is over once neither is", (trustauthx, authority) =>
        Effect.gen(function* () {
          yield* fails("SessionExpired", trustauthx.validateTokenSet(set("at-expired", "rt-expired")))
          yield* fails("SessionExpired", trustauthx.validateTokenSet(set("at-expired")))
          const asked = (yield* authority.requests).map(({ path }) => path)
          assert.deepStrictEqual(asked, [
            "/api/user/me/auth/validate/token",
            "/api/user/me/access/token/",
            "/rbac/role", // whether it was the keys that were refused
            "/api/user/me/auth/validate/token"
          ])
          for (const [tokens, field] of [
            [{}, "accessToken"],
            [set("at-expired", ""), "refreshToken"]
          ] as const) {
            const error = yield* fails("InvalidRequest", trustauthx.validateTokenSet(tokens))
            assert.strictEqual(error.field, field)
          }
          assert.lengthOf(yield* authority.requests, asked.length)
        }))

      test("trustauthx-29: is not exchanged because the service fails", (trustauthx, authority) =>
        Effect.gen(function* () {
          yield* fails("ServerError", trustauthx.validateTokenSet(set("at-500", "rt-valid")))
          yield* failsBecause("RateLimited", trustauthx.validateTokenSet(set("at-429", "rt-valid")))
          yield* failsBecause("Closed", trustauthx.validateTokenSet(set("at-reset", "rt-valid")))
          yield* fails("ServerError", trustauthx.validateTokenSet(set("at-expired", "rt-500")))
          const paths = (yield* authority.requests).map(({ path }) => path)
          assert.lengthOf(
            paths.filter((path) => path === "/api/user/me/access/token/"),
            1
          )
        }))
    })

    describe("a revocation", () => {
      test("trustauthx-30: of an access token, and of no other", (trustauthx, authority) =>
        Effect.gen(function* () {
          const { accessToken } = yield* signedIn(trustauthx, authority)
          const other = yield* signedIn(trustauthx, authority)
          assert.isTrue(yield* trustauthx.revokeToken({ accessToken }))
          const request = (yield* authority.requests).at(-1)
          assert.strictEqual(request?.method, "DELETE")
          assert.strictEqual(request?.path, "/api/user/me/token/")
          assert.deepStrictEqual(
            query(request).map(([key, value]) => (key === "signed_key" ? key : `${key}=${value}`)),
            [
              `Token=${read(accessToken)}`,
              "api_key=ak_main",
              "signed_key",
              "AccessToken=true",
              "SpecificTokenOnly=true"
            ]
          )
          assert.strictEqual(request?.body.length, 0)
          assert.isTrue(yield* trustauthx.validateAccessToken(other.accessToken))
        }))

      test("trustauthx-31: of every token, by a refresh token", (trustauthx, authority) =>
        Effect.gen(function* () {
          const { refreshToken } = yield* signedIn(trustauthx, authority)
          const other = yield* signedIn(trustauthx, authority)
          assert.isTrue(yield* trustauthx.revokeToken({ refreshToken, all: true }))
          assert.strictEqual(
            line((yield* authority.requests).at(-1)),
            `DELETE /api/user/me/token/ Token=${read(refreshToken)} AccessToken=false SpecificTokenOnly=false`
          )
          assert.isFalse(yield* trustauthx.validateAccessToken(other.accessToken))
        }))

      test("trustauthx-32: is of the access token where there are both, and of nothing where there is none", (trustauthx, authority) =>
        Effect.gen(function* () {
          const { accessToken, refreshToken } = yield* signedIn(trustauthx, authority)
          yield* trustauthx.revokeToken({ accessToken, refreshToken, all: false })
          const request = (yield* authority.requests).at(-1)
          assert.strictEqual(
            line(request),
            `DELETE /api/user/me/token/ Token=${read(accessToken)} AccessToken=true SpecificTokenOnly=true`
          )
          const error = yield* fails("InvalidRequest", trustauthx.revokeToken({}))
          assert.strictEqual(error.field, "accessToken")
          yield* fails("InvalidRequest", trustauthx.revokeToken({ accessToken: secret("") }))
          yield* fails("InvalidRequest", trustauthx.revokeToken({ refreshToken: secret("") }))
          assert.lengthOf(yield* authority.requests, 2)
        }))

      test("trustauthx-33: may be denied, or refused", (trustauthx) =>
        Effect.gen(function* () {
          assert.isFalse(yield* trustauthx.revokeToken({ accessToken: secret("at-false") }))
          yield* fails("InvalidToken", trustauthx.revokeToken({ accessToken: secret("at-401") }))
          yield* fails("ServerError", trustauthx.revokeToken({ accessToken: secret("at-500") }))
        }))

      test("trustauthx-34: ends the token", (trustauthx, authority) =>
        Effect.gen(function* () {
          const { accessToken, refreshToken } = yield* signedIn(trustauthx, authority)
          yield* trustauthx.revokeToken({ accessToken })
          assert.isFalse(yield* trustauthx.validateAccessToken(accessToken))
          yield* trustauthx.revokeToken({ refreshToken })
          yield* fails("SessionExpired", trustauthx.getAccessTokenFromRefreshToken(refreshToken))
        }))
    })

    describe("the roles of a user", () => {
      const plain = { signoff_session_and_assign: false, AccessToken: null, RefreshToken: null }

      test("trustauthx-40: one or several are attached by the same request", (trustauthx, authority) =>
        Effect.gen(function* () {
          for (const rolIds of [EDITOR, [EDITOR]]) {
            const assigned = yield* trustauthx.attachRole({ uid: "uid_ann", rolIds })
            assert.instanceOf(assigned, RoleAssignment)
            assert.strictEqual(assigned.uid, "uid_ann")
            assert.deepStrictEqual(assigned.role, [EDITOR])
            assert.deepStrictEqual(Redacted.value(assigned.raw), { uid: "uid_ann", role: [EDITOR] })
            const request = (yield* authority.requests).at(-1)
            assert.strictEqual(line(request), "POST /rbac/assign/permission org_id=org_main")
            assert.deepStrictEqual(
              query(request).map(([key]) => key),
              ["org_id", "api_key", "signed_key"]
            )
            assert.strictEqual(request?.headers.get("content-type"), "application/json")
            assert.deepStrictEqual(body(request), {
              uid: "uid_ann",
              rol_id: [EDITOR],
              inplace: [],
              ...plain
            })
          }
        }))

      test("trustauthx-41: are taken away, and exchanged", (trustauthx, authority) =>
        Effect.gen(function* () {
          yield* trustauthx.attachRole({ uid: "uid_ann", rolIds: [EDITOR, VIEWER] })
          yield* trustauthx.removeRole({ uid: "uid_ann", rolIds: VIEWER })
          const removal = { uid: "uid_ann", rol_id: [], inplace: [VIEWER], ...plain }
          assert.deepStrictEqual(body((yield* authority.requests).at(-1)), removal)
          assert.deepStrictEqual(yield* authority.rolesOf("uid_ann"), [EDITOR])
          const updated = yield* trustauthx.updateRole({ uid: "uid_ann", add: [VIEWER], remove: EDITOR })
          const update = { uid: "uid_ann", rol_id: [VIEWER], inplace: [EDITOR], ...plain }
          assert.deepStrictEqual(body((yield* authority.requests).at(-1)), update)
          assert.deepStrictEqual(updated.role, [VIEWER])
        }))

      test("trustauthx-42: a session is not signed off without both of its tokens", (trustauthx, authority) =>
        Effect.gen(function* () {
          const uid = "uid_ann"
          const accessToken = secret("at-valid")
          const refreshToken = secret("rt-valid")
          for (const [signOff, field] of [
            [{ refreshToken }, "accessToken"],
            [{ accessToken }, "refreshToken"],
            [{ accessToken, refreshToken: secret("") }, "refreshToken"]
          ] as const) {
            for (const changing of [
              trustauthx.attachRole({ uid, rolIds: EDITOR, signOff }),
              trustauthx.removeRole({ uid, rolIds: EDITOR, signOff }),
              trustauthx.updateRole({ uid, add: EDITOR, remove: [], signOff })
            ]) {
              assert.strictEqual((yield* fails("InvalidRequest", changing)).field, field)
            }
          }
          assert.isEmpty(yield* authority.requests)
        }))

      test("trustauthx-43: a session that is signed off is replaced by one that carries them", (trustauthx, authority) =>
        Effect.gen(function* () {
          const { session } = yield* signedIn(trustauthx, authority)
          const replaced = yield* trustauthx.attachRole({ uid: "uid_ann", rolIds: EDITOR, signOff: session })
          assert.instanceOf(replaced, SignOffSessionReplace)
          assert.strictEqual(replaced.uid, "uid_ann")
          assert.deepStrictEqual(replaced.role, [EDITOR])
          assert.deepStrictEqual(body((yield* authority.requests).at(-1)), {
            uid: "uid_ann",
            rol_id: [EDITOR],
            inplace: [],
            signoff_session_and_assign: true,
            AccessToken: read(session.accessToken),
            RefreshToken: read(session.refreshToken)
          })
          assert.isFalse(yield* trustauthx.validateAccessToken(session.accessToken ?? secret("x")))
          assert.isTrue(yield* trustauthx.validateAccessToken(replaced.accessToken))
          const again = yield* trustauthx.updateRole({
            uid: "uid_ann",
            add: VIEWER,
            remove: EDITOR,
            signOff: replaced
          })
          assert.deepStrictEqual(again.role, [VIEWER])
          const last = yield* trustauthx.removeRole({ uid: "uid_ann", rolIds: VIEWER, signOff: again })
          assert.deepStrictEqual(last.role, [])
          const dead = trustauthx.attachRole({ uid: "uid_ann", rolIds: EDITOR, signOff: again })
          yield* fails("InvalidToken", dead)
        }))

      test("trustauthx-44: without a sign-off no tokens are needed in the answer", (trustauthx, authority) =>
        Effect.gen(function* () {
          const user = yield* signedIn(trustauthx, authority)
          yield* trustauthx.attachRole({ uid: "uid_ann", rolIds: EDITOR })
          yield* trustauthx.removeRole({ uid: "uid_ann", rolIds: EDITOR })
          yield* trustauthx.updateRole({ uid: "uid_ann", add: VIEWER, remove: [] })
          assert.isTrue(yield* trustauthx.validateAccessToken(user.accessToken))
        }))

      test("trustauthx-44: of another organization: what its answer counts is not about this one", (trustauthx, authority, roles) =>
        Effect.gen(function* () {
          const change = { uid: "uid_ann", rolIds: EDITOR }
          assert.strictEqual(yield* roles.countRoles(), 3)
          // It has two, and says so.
          yield* trustauthx.attachRole({ ...change, orgId: "org_two" })
          yield* authority.setEdge("never")
          const { accessToken, refreshToken } = yield* signedIn(trustauthx, authority)
          yield* authority.setEdge("always")
          const signOff = { accessToken, refreshToken }
          yield* trustauthx.attachRole({ ...change, orgId: "org_two", signOff })
          // Nothing is under way that this would wait for.
          yield* trustauthx.attachRole(change)
          const loads = (yield* authority.requests).filter(({ path }) => path === "/rbac/role")
          assert.lengthOf(loads, 1)
        }))

      test("trustauthx-45: of a user that is not there, or is trouble", (trustauthx) =>
        Effect.gen(function* () {
          const missing = trustauthx.attachRole({ uid: "uid_nobody", rolIds: EDITOR })
          assert.strictEqual((yield* fails("InvalidRequest", missing)).field, "uid")
          const failing = trustauthx.removeRole({ uid: "uid-500", rolIds: EDITOR })
          assert.strictEqual((yield* fails("ServerError", failing)).status, 500)
          const denied = trustauthx.updateRole({ uid: "uid-403", add: EDITOR, remove: [] })
          yield* fails("PermissionDenied", denied)
        }))
    })

    const impostor = { client: { secretKey: secret("sk_main_wrong") } }

    test(
      "trustauthx-56: a wrong secret is refused by every operation",
      (trustauthx, authority, roles) =>
        Effect.gen(function* () {
          const token = secret("at-valid")
          const code = yield* authority.signIn("uid_ann")
          yield* fails("InvalidToken", trustauthx.getUser(code))
          yield* fails("InvalidToken", trustauthx.reAuth(code))
          yield* fails("InvalidToken", trustauthx.getUserData(token))
          yield* fails("PermissionDenied", trustauthx.getAccessTokenFromRefreshToken(secret("rt-valid")))
          yield* fails("PermissionDenied", trustauthx.validateTokenSet(set("at-valid", "rt-valid")))
          yield* fails("SessionExpired", trustauthx.validateTokenSet({ accessToken: token }))
          yield* fails("InvalidToken", trustauthx.revokeToken({ accessToken: token }))
          const change = { uid: "uid_ann", rolIds: EDITOR }
          const signOff = set("at-valid", "rt-valid")
          yield* fails("PermissionDenied", trustauthx.attachRole(change))
          yield* fails("PermissionDenied", trustauthx.removeRole(change))
          yield* fails("PermissionDenied", trustauthx.updateRole({ uid: "uid_ann", add: EDITOR, remove: [] }))
          yield* fails("InvalidToken", trustauthx.attachRole({ ...change, signOff }))
          yield* fails("PermissionDenied", roles.getAllRoles())
          yield* fails("PermissionDenied", roles.addRole({ name: "new", permissions: { docs: "read" } }))
          yield* fails("PermissionDenied", roles.deleteRole({ rolId: EDITOR }))
          const permission = { rolId: EDITOR, permissions: { docs: "read" } }
          yield* fails("PermissionDenied", roles.addPermission(permission))
          yield* fails("PermissionDenied", roles.deletePermission(permission))
          yield* fails("PermissionDenied", roles.query())
          assert.isFalse(yield* trustauthx.validateAccessToken(token))
        }),
      impostor
    )

    test("trustauthx-57: a redirect is not followed", (trustauthx, authority) =>
      Effect.gen(function* () {
        const location = "https://elsewhere.invalid/?token=at-valid"
        yield* authority.faults.push(HttpFault.Redirect({ location, status: 307 }))
        const error = yield* failsBecause(
          "UnexpectedRedirect",
          trustauthx.validateAccessToken(secret("at-valid"))
        )
        assert.notInclude(JSON.stringify(error), "at-valid")
        assert.lengthOf(yield* authority.requests, 1)
      }))
  })
}
