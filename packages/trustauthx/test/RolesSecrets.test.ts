import { assert, describe, it } from "@effect/vitest"
import { Canary } from "@latchkey/testing"
import { type HttpHandler, type HttpRequest, json, text } from "@latchkey/testing/HttpHandler"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { Effect, Exit, Redacted } from "effect"
import { createHmac } from "node:crypto"
import type { RoleError, TrustAuthXRoles } from "../src/index.ts"
import { build, sample } from "./support/over.ts"

const { HttpFault } = HttpFaults

const secretKey = Canary.make("secret-key")
const rolId = Canary.make("role")
const name = Canary.make("name")
const value = Canary.make("value")
/** What only the service knows before it answers. */
const answered = Canary.make("answer")

const head = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString("base64url")
const payload = Buffer.from('{"api_key":"ak_main"}').toString("base64url")

/** Its last part alone would be as good as the whole. */
const signedKey: Canary.Canary = {
  label: "signed-key",
  secret: createHmac("sha256", secretKey.secret).update(`${head}.${payload}`).digest("base64url"),
  redacted: Redacted.make("")
}

const canaries = [secretKey, rolId, name, value, answered, signedKey]

const permissions = { [value.secret]: value.secret }

const calls: ReadonlyArray<(roles: TrustAuthXRoles["Service"]) => Effect.Effect<unknown, RoleError>> = [
  (roles) => roles.getAllRoles(),
  (roles) => roles.addRole({ name: name.secret, permissions }),
  (roles) => roles.deleteRole({ rolId: rolId.secret }),
  (roles) => roles.addPermission({ rolId: rolId.secret, permissions }),
  (roles) => roles.deletePermission({ rolId: rolId.secret, permissions }),
  (roles) => roles.addPermission({ rolId: `${rolId.secret}\ud800`, permissions }),
  (roles) => roles.addRole({ name: "", permissions }),
  (roles) => roles.validate(rolId.secret, value.secret, value.secret),
  (roles) => roles.validate(rolId.secret, value.secret, value.secret, { maxAge: 0 }),
  (roles) => roles.query({ role: rolId.secret, key: value.secret, maxAge: 0 }),
  (roles) => roles.reload
]

const said = (request: HttpRequest): string =>
  [
    ...new URLSearchParams(request.query).values(),
    Buffer.from(request.body).toString("utf8"),
    answered.secret
  ].join(" ")

/** Answers that repeat the whole request wherever an answer can hold a text. */
const echoes: ReadonlyArray<HttpHandler> = [
  ...[200, 307, 401, 404, 422, 500].flatMap((status): ReadonlyArray<HttpHandler> => [
    (request) =>
      Effect.succeed(
        json(status, { detail: [{ loc: ["body", said(request), "rol_id"], msg: said(request) }] })
      ),
    (request) => Effect.succeed(json(status, { detail: said(request) })),
    (request) => Effect.succeed(text(status, "text/html", said(request))),
    (request) =>
      Effect.succeed({
        ...json(status, answered.secret),
        headers: {
          "content-type": `application/json; ${encodeURIComponent(said(request))}`,
          location: `https://elsewhere.invalid/${encodeURIComponent(said(request))}`,
          "retry-after": encodeURIComponent(said(request)),
          "x-edge": encodeURIComponent(said(request))
        }
      })
  ]),
  () => Effect.succeed(text(200, "application/json", `[{"name":"${answered.secret}`)),
  () => Effect.succeed(json(200, [{ org_id: answered.secret, permissions: 1 }])),
  () => Effect.succeed(json(200, [{ [answered.secret]: answered.secret }])),
  () => Effect.die(new Error(answered.secret))
]

const good: HttpHandler = (request) =>
  Effect.succeed(
    json(200, request.method === "GET" ? [] : { org_id: "o", rol_id: "r", name: "n", permissions: [] })
  )

describe("secrets", () => {
  it.live(
    "trustauthx-58, P06, P07: nothing that goes to or comes from /rbac shows anywhere, renewals included",
    () =>
      Effect.gen(function* () {
        const faults = yield* HttpFaults.make
        let answer: HttpHandler = good
        const { client } = yield* HttpMemory.make({
          origin: "https://api.trustauthx.com",
          faults,
          handler: (request) => answer(request)
        })
        const outcomes: Array<unknown> = []
        const note = (call: Effect.Effect<unknown, RoleError>) =>
          call.pipe(
            Effect.tapError((error) => Effect.logError("failed", error)),
            Effect.tapCause((cause) => Effect.logDebug("failed", cause)),
            Effect.withSpan("test"),
            Effect.exit,
            Effect.map((exit) => {
              outcomes.push(Exit.isFailure(exit) ? exit.cause : exit.value)
            })
          )
        for (const isHeld of [true, false]) {
          answer = good
          const { roles } = yield* build({ ...sample, secretKey: secretKey.redacted }, client)
          if (isHeld) yield* roles.countRoles()
          for (const echo of echoes) {
            answer = echo
            for (const call of calls) yield* note(call(roles))
          }
          answer = good
          for (const fault of [
            HttpFault.DropBefore(),
            HttpFault.DropAfter(),
            HttpFault.ResetBody(),
            HttpFault.Truncated()
          ]) {
            for (const call of calls) {
              yield* faults.push(fault, { times: 2 })
              yield* note(call(roles))
              yield* faults.clear
            }
          }
          outcomes.push(roles)
        }
        assert.isAbove(outcomes.length, 2 * echoes.length * calls.length)
        for (const outcome of outcomes) Canary.assertAbsent(canaries, outcome)
        yield* Canary.assertNoneCaptured(canaries)
      }).pipe(Effect.provide(Canary.capture))
  )
})
