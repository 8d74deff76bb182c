/** A walk through the web application, with a real browser. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { Sessions, SessionStore } from "@latchkey/core"
import { Authority, TrustAuthXEmulator } from "@latchkey/trustauthx/testing"
import { TrustAuthX, TrustAuthXRoles } from "@latchkey/trustauthx"
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core"
import { webApp } from "./21_web-app.ts"
import { findChromium } from "../test/support/chromium.ts"

const executablePath = findChromium()

if (executablePath === undefined) {
  console.log(
    "SKIPPED: the walk through the web application. There is no Chromium; `npm run browser` installs one"
  )
}

const launched = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({
      ...(executablePath !== undefined && { executablePath }),
      // As root there is no sandbox; nothing is asked of the network but the pages of the test.
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    })
  ),
  (browser: Browser) => Effect.promise(() => browser.close())
)

/** A browser of its own for each visitor. */
const visitor = Effect.fnUntraced(function* (browser: Browser) {
  const context = yield* Effect.acquireRelease(
    Effect.promise(() => browser.newContext()),
    (it: BrowserContext) => Effect.promise(() => it.close())
  )
  const page = yield* Effect.promise(() => context.newPage())
  return { context, page }
})

const heading = (page: Page) => Effect.promise(() => page.locator("h1").innerText())

const goTo = (page: Page, url: string) => Effect.promise(() => page.goto(url))

const signIn = (page: Page, url: string, email: string, password: string) =>
  Effect.promise(async () => {
    await page.goto(url)
    await page.getByRole("link", { name: "Sign in with TrustAuthX" }).click()
    await page.getByLabel("E-mail").fill(email)
    await page.getByLabel("Password").fill(password)
    await page.getByRole("button").click()
  })

/** The service, its people, and the application in front of it. */
const served = Effect.gen(function* () {
  const authority = yield* Authority
  const roles = yield* TrustAuthXRoles
  const reader = yield* roles.addRole({ name: "reader", permissions: { reports: "read" } })
  const context = yield* Layer.build(
    HttpRouter.serve(webApp, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
    )
  )
  const url = HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
  yield* authority.setCallback(`${url}/callback`)
  return { authority, reader, url }
})

const layer = Sessions.layer.pipe(
  Layer.provideMerge(Layer.fresh(SessionStore.layerMemory)),
  Layer.provideMerge(TrustAuthXEmulator.layer())
)

describe("the web application", () => {
  it.live.skipIf(executablePath === undefined)(
    "21 signs a visitor in on the hosted page, shows the page of a role to that role alone, and signs out",
    () =>
      Effect.gen(function* () {
        const { authority, reader, url } = yield* served
        const browser = yield* launched
        const store = yield* SessionStore
        const trustauthx = yield* TrustAuthX

        // Nobody has signed in.
        const { context, page } = yield* visitor(browser)
        yield* goTo(page, `${url}/me`)
        assert.strictEqual(yield* heading(page), "Not signed in")

        // A wrong password is a matter for the hosted page.
        yield* signIn(page, url, "ann+test@example.com", "wrong-horse")
        assert.include(page.url(), (yield* TrustAuthXEmulator).url)
        assert.strictEqual((yield* store.list).length, 0)

        yield* signIn(page, url, "ann+test@example.com", "correct-horse")
        assert.strictEqual(page.url(), `${url}/me`)
        assert.match(yield* heading(page), /^Hello, /)
        assert.strictEqual(
          yield* Effect.promise(() => page.locator("#email").innerText()),
          "ann+test@example.com"
        )
        const [entry] = yield* store.list
        assert.strictEqual(entry?.key.account, "uid_ann")

        // The browser has a name for the visitor, and nothing else.
        assert.strictEqual(yield* Effect.promise(() => page.evaluate("document.cookie")), "")
        const { cookies, origins } = yield* Effect.promise(() => context.storageState())
        assert.deepStrictEqual(
          cookies.map(({ httpOnly, name, sameSite }) => ({ httpOnly, name, sameSite })),
          [{ httpOnly: true, name: "visitor", sameSite: "Lax" }]
        )
        assert.deepStrictEqual(origins, [])

        // Ann has no role that may read reports. Zoe has.
        yield* goTo(page, `${url}/reports`)
        assert.strictEqual(yield* heading(page), "Not for you")
        yield* trustauthx.attachRole({ uid: "uid_zoe", rolIds: reader.rolId })
        const zoe = yield* visitor(browser)
        yield* signIn(zoe.page, url, "zoë@example.com", "battery-staple")
        yield* goTo(zoe.page, `${url}/reports`)
        assert.strictEqual(yield* heading(zoe.page), "Reports")
        assert.strictEqual((yield* store.list).length, 2)

        // A token that the service has ended is renewed, and nobody notices.
        yield* authority.elapse("2 hours")
        yield* goTo(page, `${url}/me`)
        assert.match(yield* heading(page), /^Hello, /)

        // Signed out: here, there, and only Ann.
        yield* Effect.promise(() => page.getByRole("button", { name: "Sign out" }).click())
        assert.strictEqual(page.url(), `${url}/`)
        yield* goTo(page, `${url}/me`)
        assert.strictEqual(yield* heading(page), "Not signed in")
        assert.deepStrictEqual(
          (yield* store.list).map(({ key }) => key.account),
          ["uid_zoe"]
        )
        yield* goTo(zoe.page, `${url}/me`)
        assert.match(yield* heading(zoe.page), /^Hello, Zoë/)

        // A code that somebody else slips in counts for nothing in a browser that did not set out to sign in.
        const stranger = yield* visitor(browser)
        const code = Redacted.value(yield* authority.signIn("uid_ann"))
        yield* goTo(stranger.page, `${url}/callback?code=${encodeURIComponent(code)}`)
        assert.strictEqual(yield* heading(stranger.page), "Not signed in")
        assert.strictEqual((yield* store.list).length, 1)
      }).pipe(Effect.provide(layer)),
    60_000
  )
})
