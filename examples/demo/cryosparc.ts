/** A CryoSPARC instance, on loopback, and the session file that the Python tools read. */
import { Sessions } from "@latchkey/core"
import { CryoSparc } from "@latchkey/cryosparc"
import { CryoSparcEmulator } from "@latchkey/cryosparc/testing"
import { CryosparcSessionStore, InstanceAuthSessions } from "@latchkey/store"
import { Console, Effect, Equal, FileSystem, Layer, Option, Path, Redacted } from "effect"
import { claim, failsWith } from "./claims.ts"
import { line, passed, title } from "./print.ts"

const email = "ada@example.com"
const password = Redacted.make("correct horse battery staple")
const wrong = Redacted.make("correct horse battery stable")

const signIn = Effect.fnUntraced(function* (secret: Redacted.Redacted<string>) {
  const cryosparc = yield* CryoSparc
  const sessions = yield* Sessions
  const login = cryosparc.login({ email, password: secret })
  return yield* sessions.signIn(cryosparc, { account: email, secret, login })
})

const signingIn = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const cryosparc = yield* CryoSparc
  const error = yield* failsWith(signIn(wrong), "InvalidLogin")
  yield* line(error._tag, error.message, "yellow")
  yield* claim(!(yield* fs.exists(file)), "nothing was written")
  const live = yield* signIn(password)
  const { status } = yield* cryosparc.client(live).get("/users/me")
  yield* claim(status === 200, "the instance takes the token")
  yield* passed(`signed in, saved, and served: HTTP ${status}`)
  return live
})

const byAnotherProgram = Effect.fnUntraced(function* (file: string, url: string) {
  const sessions = yield* InstanceAuthSessions.load(file)
  yield* sessions.insert(
    url,
    "saara@example.com",
    Redacted.make("of another program"),
    "2099-01-31T12:00:00Z"
  )
  yield* sessions.save()
})

/** As it is, but for the tokens. */
const show = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = (yield* fs.readFileString(file)).replaceAll(/("access_token": )".*"/g, "$1<redacted>")
  yield* Console.log(text.replaceAll(/^/gm, "  "))
  const { mode } = yield* fs.stat(file)
  yield* claim((mode & 0o077) === 0, "the file is private")
})

const story = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "latchkey-demo-" })
  const file = path.join(directory, "cryosparc-tools", "auth.json")
  const { url } = yield* CryoSparcEmulator

  yield* title("A CryoSPARC instance, on loopback")
  yield* line("listens at", url)
  yield* Effect.gen(function* () {
    const live = yield* signingIn(file)

    yield* title("Its session file, byte for byte as the Python tools write it (tokens aside)")
    yield* byAnotherProgram(file, url)
    const token = yield* live.token
    const found = yield* Effect.flatMap(InstanceAuthSessions.load(file), ({ find }) => find(url, email))
    yield* claim(
      Option.exists(found, ({ session }) => Equal.equals(session.token, token)),
      "whoever reads the file has the session"
    )
    yield* show(file)
    yield* passed("two programs, one file, nothing lost")
  }).pipe(Effect.provide(Sessions.layer.pipe(Layer.provide(CryosparcSessionStore.layer({ path: file })))))
})

export const cryosparc = story.pipe(
  Effect.provide(CryoSparcEmulator.layer({ users: { [email]: Redacted.value(password) } })),
  Effect.scoped
)
