/** What becomes of the session file of cryosparc-tools when somebody signs in to an instance: two packages at once. */
import { assert, it } from "@effect/vitest"
import { SessionKey, SessionRef, Sessions } from "@latchkey/core"
import { CryoSparc } from "@latchkey/cryosparc"
import { CryoSparcEmulator, CryoSparcTest, Instance } from "@latchkey/cryosparc/testing"
import { CryosparcSessionStore, InstanceAuthSessions } from "@latchkey/store"
import { Canary } from "@latchkey/testing"
import { HttpFault } from "@latchkey/testing/HttpFaults"
import { ConfigProvider, Effect, Equal, Layer, Option, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { layer as shared, signedIn } from "../examples/17_share-with-python.ts"

const email = "ada@example.com"
const password = Redacted.make("correct-horse")

const file = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "latchkey-file-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
).pipe(Effect.map((directory) => join(directory, "auth.json")))

const onFile = (path: string) => Layer.provideMerge(Sessions.layer, CryosparcSessionStore.layer({ path }))

const signIn = Effect.fnUntraced(function* (secret: Redacted.Redacted<string>, account = email) {
  const cryosparc = yield* CryoSparc
  const sessions = yield* Sessions
  const login = cryosparc.login({ email: account, password: secret })
  return yield* sessions.signIn(cryosparc, { account, secret, login })
})

it.effect("store-33: a login is in the file, to whole seconds of UTC, fourteen days on", () =>
  Effect.gen(function* () {
    const path = yield* file
    yield* TestClock.setTime(Date.parse("2026-11-22T12:00:00.987Z"))
    yield* Effect.gen(function* () {
      const { instance } = yield* CryoSparc
      const token = yield* Effect.flatMap(signIn(password), (live) => live.token)
      assert.strictEqual(
        readFileSync(path, "utf8"),
        JSON.stringify(
          {
            [instance]: {
              [email]: {
                token: { access_token: Redacted.value(token), token_type: "bearer" },
                expires: "2026-12-06T12:00:00Z"
              }
            }
          },
          null,
          4
        )
      )
    }).pipe(Effect.provide(onFile(path)))
  }).pipe(Effect.scoped, Effect.provide(CryoSparcTest.layer()))
)

it.live("store-34: the URL is the key as the Python tools would write it, its slash included", () =>
  Effect.gen(function* () {
    const path = yield* file
    const emulator = yield* CryoSparcEmulator
    for (const [given, key] of [
      [emulator.url.replace("http://", ""), emulator.url],
      [`${emulator.url.replace("http://", "")}/`, `${emulator.url}/`]
    ] as const) {
      const client = Layer.provide(CryoSparc.layer({ url: given }), FetchHttpClient.layer)
      yield* signIn(password).pipe(Effect.provide([client, onFile(path)]))
      const found = yield* Effect.flatMap(InstanceAuthSessions.load(path), ({ find }) => find(key, email))
      assert.isTrue(Option.isSome(found))
    }
  }).pipe(Effect.scoped, Effect.provide(CryoSparcEmulator.layer()))
)

it.live("store-35: a login that is refused leaves the file as it was", () =>
  Effect.gen(function* () {
    const path = yield* file
    const canary = Canary.make("password")
    yield* Effect.gen(function* () {
      const refused = yield* Effect.flip(signIn(canary.redacted))
      assert.strictEqual(refused._tag, "InvalidLogin")
      assert.isFalse(existsSync(path))
      yield* signIn(password)
      const before = readFileSync(path)
      const instance = yield* Instance
      yield* instance.addUser("grace@example.com", password)
      yield* Effect.flip(signIn(canary.redacted, "grace@example.com"))
      assert.deepStrictEqual(readFileSync(path), before)
      Canary.assertAbsent([canary], [refused, before])
    }).pipe(Effect.provide(onFile(path)))
  }).pipe(Effect.scoped, Effect.provide(CryoSparcEmulator.layer()))
)

const elsewhere = "https://elsewhere.example.com/"

for (const [name, fault, tag] of [
  ["a hang-up before the instance acted", HttpFault.DropBefore(), "Closed"],
  ["a hang-up after it acted", HttpFault.DropAfter(), "Closed"],
  ["a hang-up in the middle of the answer", HttpFault.ResetBody(), "Closed"],
  ["silence", HttpFault.Silent(), "TimedOut"],
  ["a redirect", HttpFault.Redirect({ location: elsewhere }), "UnexpectedRedirect"],
  ["too many requests", HttpFault.Status({ status: 429 }), "RateLimited"],
  ["a failure", HttpFault.Status({ status: 500 }), "ServerError"],
  ["a web page of a proxy", HttpFault.Html({ status: 502 }), "ServiceUnavailable"],
  ["a web page", HttpFault.Html({}), "InvalidResponse"],
  ["no content", HttpFault.NoContent(), "InvalidResponse"],
  ["half an answer", HttpFault.Truncated(), "InvalidResponse"],
  ["an answer of another kind", HttpFault.ContentType({ contentType: "text/plain" }), "InvalidResponse"],
  ["an answer without end", HttpFault.Oversized({ bytes: 17 * 1024 * 1024 }), "MessageTooLarge"]
] as const) {
  it.live(`${name} is ${tag}, and leaves the file as it was`, () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.gen(function* () {
        const { faults } = yield* Instance
        yield* signIn(password)
        const before = readFileSync(path)
        for (const at of ["/api/cmd/openapi.json", "/api/cmd/auth/token"]) {
          yield* faults.push(fault, { path: at })
          const cryosparc = yield* CryoSparc
          const error = yield* Effect.flip(cryosparc.login({ email, password }))
          assert.strictEqual(error._tag === "TransportError" ? error.reason._tag : error._tag, tag)
          assert.strictEqual(yield* faults.pending, 0)
        }
        assert.deepStrictEqual(readFileSync(path), before)
      }).pipe(Effect.provide(onFile(path)))
    }).pipe(Effect.scoped, Effect.provide(CryoSparcEmulator.layer({ client: { timeout: "1 second" } })))
  )
}

it.effect(
  "a session that another program has put into the file is used without a request, until it ends",
  () =>
    Effect.gen(function* () {
      const path = yield* file
      const cryosparc = yield* CryoSparc
      const theirs = yield* InstanceAuthSessions.load(path)
      yield* theirs.insert(cryosparc.instance, email, Redacted.make("theirs"), "1970-01-01T00:10:00.000001Z")
      yield* theirs.save()
      const key = new SessionKey({ provider: "cryosparc", instance: cryosparc.instance, account: email })
      yield* Effect.gen(function* () {
        const live = yield* SessionRef.open(cryosparc, key)
        assert.strictEqual(Redacted.value(yield* live.token), "theirs")
        yield* TestClock.adjust("10 minutes")
        const over = yield* Effect.flip(live.token)
        assert.strictEqual(over._tag, "SessionExpired")
        assert.strictEqual(readFileSync(path, "utf8"), `{\n    "${cryosparc.instance}": {}\n}`)
      }).pipe(Effect.scoped, Effect.provide(onFile(path)))
      assert.deepStrictEqual(yield* Effect.flatMap(Instance, ({ requests }) => requests), [])
    }).pipe(Effect.scoped, Effect.provide(CryoSparcTest.layer()))
)

it.live(
  "the session that the Python tools have left is gone on with; else there is a login, and one for them",
  () =>
    Effect.gen(function* () {
      const directory = yield* Effect.map(file, dirname)
      const { url } = yield* CryoSparcEmulator
      const { requests } = yield* Instance
      const asked = { times: 0 }
      const ask = Effect.sync(() => {
        asked.times++
        return password
      })
      const token = Effect.scoped(Effect.flatMap(signedIn(email, ask), (live) => live.token)).pipe(
        Effect.provide(shared(url)),
        Effect.provideService(
          ConfigProvider.ConfigProvider,
          ConfigProvider.fromEnvRecord({ XDG_CONFIG_HOME: directory })
        )
      )
      const first = yield* token
      const path = join(directory, "cryosparc-tools/auth.json")
      const found = yield* Effect.flatMap(InstanceAuthSessions.load(path), ({ find }) => find(url, email))
      assert.isTrue(Option.exists(found, ({ session }) => Equal.equals(session.token, first)))
      const before = (yield* requests).length
      assert.isTrue(Equal.equals(yield* token, first))
      assert.deepStrictEqual([asked.times, (yield* requests).length], [1, before])
    }).pipe(Effect.scoped, Effect.provide(CryoSparcEmulator.layer()))
)
