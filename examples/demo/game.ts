/** A game, on a Unix socket: a second factor, and a restart under another name. */
import { type AuthStatus, Resonite } from "@latchkey/resonite"
import { Game, ResoniteEmulator } from "@latchkey/resonite/testing"
import { DateTime, Effect, Option, Redacted, Result, Stream } from "effect"
import { inspect } from "node:util"
import { claim, failsWith } from "./claims.ts"
import { line, passed, title } from "./print.ts"

const credential = "zoe@example.com"
const password = Redacted.make("correct horse battery staple")
const totp = Redacted.make("314159")

/** No JavaScript number is so exact. */
const EXPIRES = 1_893_456_000_123_456_789n

const describe = ({ sessionExpires, sessionExpiresUnixNanos, userName }: AuthStatus) => {
  const until = Option.match(sessionExpires, { onNone: () => "it ends", onSome: DateTime.formatIso })
  return `${userName}, until ${until} (to the nanosecond: ${sessionExpiresUnixNanos})`
}

const secondFactor = Effect.gen(function* () {
  yield* title("Signing in takes a code as well")
  const resonite = yield* Resonite
  const wanted = yield* failsWith(resonite.login({ credential, password }), "FailedPrecondition")
  yield* claim(wanted.precondition === "TotpRequired", "the code is what is missing")
  yield* line(wanted._tag, wanted.message, "yellow")
  const wrong = Redacted.make("271828")
  const refused = yield* failsWith(resonite.login({ credential, password, totp: wrong }), "InvalidLogin")
  yield* claim(refused.factor === "totp", "it is the code that was refused, and not the password")
  yield* line(refused._tag, refused.message, "yellow")
  const game = yield* Game
  yield* game.setSessionExpires(EXPIRES)
  const status = yield* resonite.login({ credential, password, totp })
  yield* claim(status.sessionExpiresUnixNanos === EXPIRES, "the expiry is exact")
  yield* line("status", describe(status))
  yield* passed(`signed in with ${inspect(password)} and ${inspect(totp)}`)
})

const restart = Effect.gen(function* () {
  yield* title("The game ends, and starts as another process")
  const resonite = yield* Resonite
  const game = yield* Game
  const emulator = yield* ResoniteEmulator
  const before = yield* emulator.socket
  yield* game.restart
  const after = yield* emulator.socket
  yield* claim(after !== before, "its socket has another name")
  yield* line("listens at", after)
  // The first element may be that the old connection has gone.
  const found = yield* resonite.changes({ interval: "50 millis" }).pipe(
    Stream.filter((change) => Result.isSuccess(change) && change.success.loggedIn),
    Stream.runHead
  )
  yield* claim(Option.isSome(found), "the game is found again, and signed in")
  yield* passed("found again, and still signed in, because it was to remember")
})

const story = Effect.gen(function* () {
  const resonite = yield* Resonite
  const emulator = yield* ResoniteEmulator
  yield* title("A game, on a Unix socket")
  yield* line("listens at", yield* emulator.socket)
  yield* claim(!(yield* resonite.status()).loggedIn, "nobody is signed in yet")
  yield* secondFactor
  yield* restart
  yield* resonite.logout()
  yield* claim(!(yield* resonite.logout()).loggedIn, "signing out twice leaves the game signed out")
})

export const game = story.pipe(
  Effect.provide(
    ResoniteEmulator.layer({
      accounts: [{ userId: "U-zoe", userName: "Zoë", email: credential, password, totp }]
    })
  )
)
