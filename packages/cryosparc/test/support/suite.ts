import { assert, describe, type Vitest } from "@effect/vitest"
import { Session, SessionKey, SessionRef, SessionStore } from "@latchkey/core"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { Clock, DateTime, Effect, Fiber, type Layer, Redacted, type Scope } from "effect"
import { HttpClientRequest } from "effect/http"
import { createHash } from "node:crypto"
import { CryoSparc, type LoginError } from "../../src/index.ts"
import { Instance } from "../../src/testing.ts"
import type * as InstanceOptions from "../../src/testing/Instance.ts"
import { fails, failsBecause } from "../../../../test/support/fails.ts"
import { form } from "./form.ts"
import { until } from "../../../../test/support/until.ts"

const { HttpFault } = HttpFaults

export type SuiteOptions = Omit<InstanceOptions.Options, "prefix">

const password = Redacted.make("correct-horse")
const ada = { email: "ada@example.com", password }
const wrong = { email: "ada@example.com", password: Redacted.make("wrong-horse") }

const OPENAPI = "/api/cmd/openapi.json"
const LOGIN = "/api/cmd/auth/token"
const ME = "/api/cmd/users/me"

const value = (session: Session): string => Redacted.value(session.accessToken ?? Redacted.make(""))

/** To whole seconds. */
const cut = (millis: number): number => Math.floor(millis / 1000) * 1000

const me = (cryosparc: CryoSparc["Service"], session: Session) =>
  Effect.flatMap(cryosparc.client(session).get("/users/me"), (response) =>
    Effect.map(response.json, (body) => ({ status: response.status, body }))
  )

/** What every instance must do, whatever carries the requests. */
export const suite = (
  it: Vitest.Tester<Scope.Scope>,
  name: string,
  layer: (options?: SuiteOptions) => Layer.Layer<CryoSparc | Instance, unknown>,
  /** What each test begins with. */
  first: Effect.Effect<void> = Effect.void
): void => {
  const test = <E>(
    title: string,
    program: Effect.Effect<void, E, CryoSparc | Instance | Scope.Scope>,
    options?: SuiteOptions
  ): void => it(title, () => Effect.andThen(first, Effect.provide(program, layer(options))))

  describe(`an instance ${name}`, () => {
    describe("login", () => {
      test(
        "store-33: asks where to sign in, without credentials, and posts the form there",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          yield* cryosparc.login(ada)
          const [asked, posted, ...others] = yield* instance.requests
          assert.strictEqual(others.length, 0)
          assert.deepStrictEqual([asked?.method, asked?.path, asked?.query], ["GET", OPENAPI, ""])
          assert.strictEqual(asked?.body.length, 0)
          assert.isFalse(asked?.headers.has("authorization"))
          assert.deepStrictEqual([posted?.method, posted?.path, posted?.query], ["POST", LOGIN, ""])
          assert.match(
            posted?.headers.get("content-type") ?? "",
            /^application\/x-www-form-urlencoded(?:;\s*charset=utf-8)?$/i
          )
          assert.isFalse(posted?.headers.has("authorization"))
          assert.deepStrictEqual(form(posted), [
            ["grant_type", "password"],
            ["username", "ada@example.com"],
            ["password", createHash("sha256").update("correct-horse").digest("hex")],
            ["expires_in", "1209600"]
          ])
        })
      )

      const odd = { email: " Zoë☃+1@Example.com ", password: Redacted.make("pä\u2028ss wörd&=😀") }
      test(
        "store-33: the hash is of UTF-8, in lower-case hex; the e-mail goes as it is",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          yield* instance.addUser(odd.email, odd.password)
          const session = yield* cryosparc.login(odd)
          const [, posted] = yield* instance.requests
          const fields = new Map(form(posted))
          assert.strictEqual(fields.get("username"), odd.email)
          assert.strictEqual(
            fields.get("password"),
            "4f540b1769a3d2d25ee45c30eebd373c08e0537fb4f1bfcf38b1b237141aff52"
          )
          assert.strictEqual(session.key.account, odd.email)
        })
      )

      for (const [life, seconds] of [
        ["1 hour", "3600"],
        ["365 days", "31536000"],
        [16_478_665_849.846, "16478665.849846"],
        ["1500 millis", "1.5"],
        ["1 second", "1"],
        ["1000020 micros", "1.00002"]
      ] as const) {
        test(
          `store-33: a life of ${life} goes as ${seconds} seconds`,
          Effect.gen(function* () {
            const cryosparc = yield* CryoSparc
            const instance = yield* Instance
            yield* cryosparc.login({ ...ada, expiresIn: life })
            const [, posted] = yield* instance.requests
            assert.strictEqual(new Map(form(posted)).get("expires_in"), seconds)
          })
        )
      }

      test(
        "store-33: the session ends a life after the call began, cut to whole seconds, whatever the instance does",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const before = yield* Clock.currentTimeMillis
          const session = yield* cryosparc.login({ ...ada, expiresIn: "90 seconds" })
          const after = yield* Clock.currentTimeMillis
          assert.isDefined(session.expiresAt)
          const endsAt = session.expiresAt === undefined ? 0 : DateTime.toEpochMillis(session.expiresAt)
          assert.isTrue(
            cut(before + 90_000) <= endsAt && endsAt <= cut(after + 90_000),
            `${before} ${endsAt} ${after}`
          )
          assert.strictEqual(endsAt % 1000, 0)
          const issuedAt = DateTime.toEpochMillis(session.issuedAt)
          assert.isTrue(before <= issuedAt && issuedAt <= after)
        })
      )

      test(
        "store-34: the session is kept under the instance, the provider and the e-mail",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const session = yield* cryosparc.login(ada)
          assert.deepStrictEqual(
            session.key,
            new SessionKey({
              provider: "cryosparc",
              instance: cryosparc.instance,
              account: "ada@example.com"
            })
          )
          assert.strictEqual(session.tokenType, "Bearer")
          assert.isUndefined(session.refreshToken)
        })
      )

      test(
        "follows the sign-in to wherever the description says it is",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          yield* cryosparc.login(ada)
          yield* instance.setLoginPath("/v2/sign-in")
          yield* cryosparc.login(ada)
          const paths = (yield* instance.requests).map(({ path }) => path)
          assert.deepStrictEqual(paths, [OPENAPI, LOGIN, OPENAPI, "/api/cmd/v2/sign-in"])
        })
      )

      for (const path of [
        "//elsewhere.invalid/token",
        "http://elsewhere.invalid/token",
        "/../../token",
        "/a/%2e%2e/b",
        "/a\\b",
        "/a?next=b",
        "token"
      ]) {
        test(
          `sends nothing to the path ${JSON.stringify(path)}`,
          Effect.gen(function* () {
            const cryosparc = yield* CryoSparc
            const instance = yield* Instance
            yield* instance.setLoginPath(path)
            yield* fails("InvalidResponse", cryosparc.login(ada))
            assert.deepStrictEqual(
              (yield* instance.requests).map((request) => request.path),
              [OPENAPI]
            )
          })
        )
      }

      test(
        "says when there is nothing to sign in with",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          yield* instance.setDescription({ paths: { "/health": { get: { summary: "health" } } } })
          const error = yield* failsBecause("NotImplemented", cryosparc.login(ada))
          assert.isFalse(error.isRetryable)
          for (const document of [null, [], "paths", {}, { paths: null }, { paths: "/login" }]) {
            yield* instance.setDescription(document)
            yield* fails("InvalidResponse", cryosparc.login(ada))
          }
          assert.isTrue((yield* instance.requests).every(({ path }) => path === OPENAPI))
        })
      )

      test(
        "store-35: a wrong password, and an unknown e-mail, are invalid credentials",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          const error = yield* fails("InvalidLogin", cryosparc.login(wrong))
          assert.strictEqual(error.factor, "password")
          assert.isFalse(error.isRetryable)
          yield* fails("InvalidLogin", cryosparc.login({ ...ada, email: "ADA@example.com" }))
          assert.strictEqual((yield* instance.requests).length, 4)
          yield* instance.changePassword("ada@example.com", wrong.password)
          yield* fails("InvalidLogin", cryosparc.login(ada))
          yield* cryosparc.login(wrong)
          yield* instance.removeUser("ada@example.com")
          yield* fails("InvalidLogin", cryosparc.login(wrong))
        })
      )
    })

    describe("a bearer", () => {
      test(
        "store-36: a session's token goes with every request to the API",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          const session = yield* cryosparc.login(ada)
          assert.deepStrictEqual(yield* me(cryosparc, session), {
            status: 200,
            body: { email: "ada@example.com" }
          })
          const request = (yield* instance.requests).at(-1)
          assert.deepStrictEqual([request?.method, request?.path], ["GET", ME])
          assert.strictEqual(request?.headers.get("authorization"), `Bearer ${value(session)}`)
        })
      )

      test(
        "store-36: paths are those of the API, with and without a slash, query and body included",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          const client = cryosparc.client(yield* cryosparc.login(ada))
          yield* client.execute(
            HttpClientRequest.post("jobs:run?a=1", { urlParams: { b: "2" } }).pipe(
              HttpClientRequest.bodyText("words")
            )
          )
          const request = (yield* instance.requests).at(-1)
          assert.deepStrictEqual([request?.path, request?.query], ["/api/cmd/jobs:run", "?a=1&b=2"])
          assert.strictEqual(Buffer.from(request?.body ?? []).toString(), "words")
        })
      )

      test(
        "store-36: a live session's token is asked for anew, request by request",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          const first = yield* cryosparc.login(ada)
          const ref = yield* SessionRef.make(cryosparc, first)
          const client = cryosparc.client(ref)
          assert.strictEqual((yield* client.get("/users/me")).status, 200)
          const second = yield* cryosparc.login(ada)
          yield* ref.adopt(second)
          assert.strictEqual((yield* client.get("/users/me")).status, 200)
          const sent = (yield* instance.requests).flatMap(({ headers }) => headers.get("authorization") ?? [])
          assert.deepStrictEqual(sent, [`Bearer ${value(first)}`, `Bearer ${value(second)}`])
        }).pipe(Effect.provide(SessionStore.layerMemory))
      )

      test(
        "a token that was revoked, whose password was changed, or that has ended, is a 401 for the caller",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          const status = (session: Session) => Effect.map(me(cryosparc, session), (it) => it.status)
          const first = yield* cryosparc.login(ada)
          yield* instance.revokeTokens
          assert.strictEqual(yield* status(first), 401)
          const second = yield* cryosparc.login({ ...ada, expiresIn: "1 minute" })
          yield* instance.elapse("59 seconds")
          assert.strictEqual(yield* status(second), 200)
          yield* instance.elapse("1 second")
          assert.strictEqual(yield* status(second), 401)
          const third = yield* cryosparc.login(ada)
          yield* instance.changePassword("ada@example.com", password)
          assert.strictEqual(yield* status(third), 401)
          const fourth = yield* cryosparc.login(ada)
          yield* instance.removeUser("ada@example.com")
          assert.strictEqual(yield* status(fourth), 401)
        })
      )

      test(
        "a redirect is an answer, and is not followed",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          const client = cryosparc.client(yield* cryosparc.login(ada))
          yield* instance.faults.push(HttpFault.Redirect({ location: "/api/cmd/health", status: 307 }))
          assert.strictEqual((yield* client.get("/users/me")).status, 307)
          assert.strictEqual((yield* instance.requests).at(-1)?.path, ME)
        })
      )

      test(
        "store-38: no token goes elsewhere, and none of another instance goes here",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          const session = yield* cryosparc.login(ada)
          const client = cryosparc.client(session)
          const before = (yield* instance.requests).length
          const { host, port, protocol } = new URL(cryosparc.instance)
          for (const url of [
            "https://elsewhere.invalid/api/cmd/users/me",
            `${protocol}//user@elsewhere.invalid:${port}/api/cmd/users/me`,
            `${protocol}//${host}.elsewhere.invalid/`,
            `ftp://${host}/api/cmd/users/me`,
            "http://",
            // The same server, but not this instance, or not its API.
            `${cryosparc.instance}/lab/2${ME}`,
            `${cryosparc.instance}/api/cmdx/users/me`,
            `${cryosparc.instance}/api/cmd/../users/me`,
            "/../users/me",
            "/%2e%2e/users/me",
            "/a/../..",
            "\\..\\..\\users"
          ]) {
            const { reason } = yield* fails("HttpClientError", client.get(url))
            assert.strictEqual(reason._tag, "InvalidUrlError", url)
          }
          for (const key of [
            { provider: "other", instance: cryosparc.instance },
            { provider: "cryosparc", instance: "http://other:39000" },
            { provider: "cryosparc", instance: "not a url" }
          ]) {
            const foreign = new Session({ ...session, key: new SessionKey({ ...key, account: "ada" }) })
            const { reason } = yield* fails("HttpClientError", cryosparc.client(foreign).get("/users/me"))
            assert.strictEqual(reason._tag, "InvalidUrlError")
          }
          const { accessToken: _, ...tokenless } = session
          const nothing = yield* fails("HttpClientError", cryosparc.client(new Session(tokenless)).get("/"))
          assert.strictEqual(nothing.reason._tag, "EncodeError")
          const injected = { token: Effect.succeed(Redacted.make("a\r\nx: y")) }
          const refused = yield* fails("HttpClientError", cryosparc.client(injected).get("/"))
          assert.strictEqual(refused.reason._tag, "EncodeError")
          assert.strictEqual((yield* instance.requests).length, before)
          // Its own, written out, or with a slash at the end of the key, is another matter.
          assert.strictEqual((yield* client.get(`${cryosparc.instance}${ME}`)).status, 200)
          assert.strictEqual((yield* client.get("/jobs/../users/me")).status, 200)
          assert.strictEqual((yield* client.get("")).status, 404)
          const slashed = new SessionKey({ ...session.key, instance: `${cryosparc.instance}/` })
          assert.strictEqual(
            (yield* cryosparc.client(new Session({ ...session, key: slashed })).get("/users/me")).status,
            200
          )
        })
      )
    })

    describe("faults", () => {
      const paths = [OPENAPI, LOGIN] as const

      /** The failure of a sign-in in whose requests, one after the other, this goes wrong. */
      const failing = <A>(
        fault: HttpFaults.HttpFault,
        check: (
          login: Effect.Effect<Session, LoginError>,
          path: (typeof paths)[number]
        ) => Effect.Effect<A, Session>
      ) =>
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          for (const path of paths) {
            yield* instance.faults.push(fault, { path })
            const before = (yield* instance.requests).length
            yield* check(cryosparc.login(ada), path)
            // One attempt: nothing is repeated.
            assert.strictEqual((yield* instance.requests).length - before, paths.indexOf(path) + 1)
            assert.strictEqual(yield* instance.faults.pending, 0)
          }
          yield* cryosparc.login(ada)
        })

      for (const fault of [HttpFault.DropBefore(), HttpFault.DropAfter(), HttpFault.ResetBody()]) {
        test(
          `${fault._tag}: the connection was closed, nobody tries again`,
          failing(fault, (login) =>
            Effect.map(failsBecause("Closed", login), (error) => assert.isTrue(error.isRetryable))
          )
        )
      }

      for (const fault of [
        HttpFault.Html({}),
        HttpFault.NoContent(),
        HttpFault.Truncated(),
        HttpFault.ContentType({ contentType: "text/plain" }),
        HttpFault.ContentType({ contentType: "application/jsonp" }),
        HttpFault.Oversized({ bytes: 10 }),
        HttpFault.Status({ status: 200 }),
        HttpFault.Status({ status: 418 })
      ]) {
        test(
          `${JSON.stringify(fault)}: the answer was not understood`,
          failing(fault, (login) => fails("InvalidResponse", login))
        )
      }

      for (const status of [301, 302, 303, 307, 308]) {
        for (const location of ["/api/cmd/auth/other", "https://elsewhere.invalid/"]) {
          test(
            `a redirect (${status}) to ${location} is not followed`,
            failing(HttpFault.Redirect({ status, location }), (login) =>
              Effect.map(failsBecause("UnexpectedRedirect", login), (error) =>
                assert.isFalse(error.isRetryable)
              )
            )
          )
        }
      }

      for (const [status, tag] of [
        [502, "ServiceUnavailable"],
        [503, "ServiceUnavailable"],
        [504, "ServiceUnavailable"],
        [404, "NotImplemented"],
        [429, "RateLimited"]
      ] as const) {
        test(
          `a page with status ${status} is ${tag}`,
          failing(HttpFault.Html({ status }), (login) => failsBecause(tag, login))
        )
      }

      test(
        "an answer too large is not taken in",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          const MiB = 1024 * 1024
          for (const [path, limit] of [
            [OPENAPI, 16 * MiB],
            [LOGIN, MiB]
          ] as const) {
            yield* instance.faults.push(HttpFault.Oversized({ bytes: limit + 1 }), { path })
            yield* failsBecause("MessageTooLarge", cryosparc.login(ada))
            yield* instance.faults.push(HttpFault.Oversized({ bytes: limit }), { path })
            yield* fails("InvalidResponse", cryosparc.login(ada))
          }
        })
      )

      test(
        "an instance that is away refuses, and is signed in to when it is back",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          yield* instance.setReachable(false)
          const error = yield* failsBecause("ConnectionFailed", cryosparc.login(ada))
          assert.isTrue(error.isRetryable)
          yield* instance.setReachable(true)
          yield* cryosparc.login(ada)
        })
      )

      test(
        "a sign-in that is given up is given up on the wire",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          for (const path of paths) {
            yield* instance.faults.push(HttpFault.Silent(), { path })
            const before = yield* instance.cancelled
            const login = yield* Effect.forkChild(cryosparc.login(ada), { startImmediately: true })
            yield* until(Effect.map(instance.faults.pending, (pending) => pending === 0))
            yield* Fiber.interrupt(login)
            yield* until(Effect.map(instance.cancelled, (cancelled) => cancelled === before + 1))
          }
        })
      )
    })

    describe("as a provider", () => {
      test(
        "it renews nothing and revokes nothing",
        Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          const session = yield* cryosparc.login(ada)
          const before = (yield* instance.requests).length
          const error = yield* fails("SessionExpired", cryosparc.refresh(session))
          assert.isFalse(error.isRetryable)
          assert.strictEqual(yield* cryosparc.logout(session), "NotRevocable")
          assert.isFalse(cryosparc.rotates)
          assert.strictEqual((yield* instance.requests).length, before)
          assert.strictEqual((yield* me(cryosparc, session)).status, 200)
        })
      )
    })
  })
}
