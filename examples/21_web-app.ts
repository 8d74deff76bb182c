import { type AuthError, Sessions } from "@latchkey/core"
import type { SessionRef } from "@latchkey/core/SessionRef"
import { TrustAuthX, TrustAuthXRoles } from "@latchkey/trustauthx"
import { Effect, Redacted } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { randomBytes } from "node:crypto"

interface Visitor {
  readonly live: SessionRef<AuthError, AuthError>
  readonly name: string
  readonly roles: ReadonlyArray<string>
}

/** A web application: one page for whoever has signed in, one for a role. Tokens never reach the browser. */
export const webApp = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const trustauthx = yield* TrustAuthX
    const roles = yield* TrustAuthXRoles
    const sessions = yield* Sessions
    const visitors = new Map<string, Visitor>()

    const signIn = Effect.gen(function* () {
      const url = yield* trustauthx.generateUrl()
      return yield* HttpServerResponse.setCookie(HttpServerResponse.redirect(url), "signing-in", "1", cookie)
    })

    const callback = Effect.gen(function* () {
      const { cookies, url } = yield* HttpServerRequest.HttpServerRequest
      const code = new URL(url, "http://localhost").searchParams.get("code")
      // A code counts only in the browser that set out to sign in.
      if (code === null || cookies["signing-in"] === undefined) return notSignedIn
      const user = yield* trustauthx.getUser(Redacted.make(code))
      const live = yield* sessions.adopt(trustauthx, user.session)
      const visitor = randomBytes(32).toString("base64url")
      visitors.set(visitor, { live, name: user.name ?? user.email, roles: user.scope })
      return yield* HttpServerResponse.redirect("/me").pipe(
        HttpServerResponse.setCookie("visitor", visitor, cookie),
        Effect.flatMap(HttpServerResponse.expireCookie("signing-in", cookie))
      )
    })

    const me = ({ live, name }: Visitor) =>
      Effect.gen(function* () {
        const { email = "" } = yield* live.use(() => Effect.flatMap(live.token, trustauthx.getUserData))
        return page(
          200,
          `Hello, ${escaped(name)}`,
          `<p id="email">${escaped(email)}</p><a href="/reports">Reports</a>
           <form method="post" action="/sign-out"><button>Sign out</button></form>`
        )
      })

    // A permission that was taken away counts after a minute at the latest, without anybody signing out.
    const reports = (visitor: Visitor) =>
      Effect.map(
        Effect.forEach(visitor.roles, (role) =>
          roles.validate(role, "reports", "read", { maxAge: "1 minute" })
        ),
        (allowed) =>
          allowed.includes(true)
            ? page(200, "Reports", "<p>All is well.</p>")
            : page(403, "Not for you", '<a href="/me">Back</a>')
      )

    const signOut = Effect.gen(function* () {
      const { cookies } = yield* HttpServerRequest.HttpServerRequest
      const visitor = visitors.get(cookies["visitor"] ?? "")
      visitors.delete(cookies["visitor"] ?? "")
      if (visitor !== undefined) yield* visitor.live.logout
      return yield* HttpServerResponse.expireCookie(HttpServerResponse.redirect("/"), "visitor", cookie)
    })

    const forVisitors = <E, R>(
      show: (visitor: Visitor) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
    ) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ cookies }) => {
        const visitor = visitors.get(cookies["visitor"] ?? "")
        return visitor === undefined ? Effect.succeed(notSignedIn) : show(visitor)
      })

    yield* router.add("GET", "/", Effect.succeed(page(200, "Welcome", signInLink)))
    yield* router.add("GET", "/sign-in", explained(signIn))
    yield* router.add("GET", "/callback", explained(callback))
    yield* router.add("GET", "/me", explained(forVisitors(me)))
    yield* router.add("GET", "/reports", explained(forVisitors(reports)))
    yield* router.add("POST", "/sign-out", explained(signOut))
  })
)

/** What the browser keeps is a name that means nothing elsewhere. Behind https, say `secure: true` as well. */
const cookie = { httpOnly: true, sameSite: "lax", path: "/" } as const

const escaped = (text: string) => text.replaceAll(/[&<>"']/g, (it) => `&#${it.codePointAt(0)};`)

const page = (status: number, title: string, body: string) =>
  HttpServerResponse.text(`<!doctype html><title>${title}</title><h1>${title}</h1>${body}`, {
    status,
    contentType: "text/html; charset=utf-8",
    headers: { "cache-control": "no-store", "referrer-policy": "no-referrer" }
  })

const signInLink = '<a href="/sign-in">Sign in with TrustAuthX</a>'

const notSignedIn = page(401, "Not signed in", signInLink)

/** A session that is over is a matter for the visitor; whatever else went wrong is ours. */
const explained = <E extends { readonly _tag: string; readonly message: string }, R>(
  response: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) =>
  response.pipe(
    Effect.catch((error) =>
      ["InvalidToken", "NotAuthenticated", "SessionExpired"].includes(error._tag)
        ? Effect.succeed(notSignedIn)
        : Effect.as(Effect.logWarning(error.message), page(502, "Try again later", ""))
    )
  )
