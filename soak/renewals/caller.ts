/** One process among those that share a store: does what it is told on its standard input, a line of JSON each. */
import { type AuthError, type ProviderError, type Session, SessionRef, SessionStore } from "@latchkey/core"
import { Cause, Context, Deferred, Effect, Exit, Layer, Redacted, References, Schedule, Scope } from "effect"
import { FetchHttpClient } from "effect/http"
import { writeSync } from "node:fs"
import { flushCompileCache } from "node:module"
import { createInterface } from "node:readline"
import { keyOf, make as provider, type Options, sessionOf } from "./authorityProvider.ts"
import { type Moment, watchedProvider, watchedStore } from "./moments.ts"
import { type StoreName, stores } from "./stores.ts"
import { type Grant, labelOf } from "./TokenLedger.ts"

export interface Opening extends Omit<Options, "provider" | "refreshToken"> {
  readonly store: StoreName
  readonly address: string
  /** Once. `waiting`: until it is told to go on. */
  readonly heldUp?: { readonly at: Moment; readonly by: "SIGKILL" | "SIGSTOP" | "waiting" } | undefined
}

export type Order =
  | { readonly do: "open"; readonly opening: Opening }
  /** `patient`: asks again while that may help. */
  | { readonly do: "get"; readonly times: number; readonly patient?: boolean }
  | { readonly do: "adopt"; readonly grant: Grant }
  | { readonly do: "reload" | "logout" | "goOn" | "close" }

/** `ref`: the number that the parent gave to one session in this process. */
export type Line = Order & { readonly id: number; readonly ref: number }

export type Answer =
  | { readonly ready: true }
  /** `said`: for each caller, the label of the token that it was given, or the tag of its failure. `now`: in ms since 1970. */
  | { readonly id: number; readonly said: ReadonlyArray<string>; readonly now: number }
  | { readonly ref: number; readonly at: Moment; readonly now: number }

const say = (answer: Answer) => writeSync(1, `${JSON.stringify(answer)}\n`)

interface Open {
  readonly opening: Opening
  readonly live: SessionRef.SessionRef<SessionRef.GetError<ProviderError>, AuthError>
  readonly scope: Scope.Closeable
  readonly goOn: Deferred.Deferred<void>
}

const opened = new Map<number, Open>()

const open = Effect.fnUntraced(function* (ref: number, opening: Opening) {
  const { account, address, heldUp, store: name } = opening
  const kind = stores[name]
  const goOn = yield* Deferred.make<void>()
  let isDue = true
  const announce = (at: Moment) =>
    Effect.suspend(() => {
      if (!isDue || at !== heldUp?.at) return Effect.void
      isDue = false
      say({ ref, at, now: Date.now() })
      if (heldUp.by === "waiting") return Deferred.await(goOn)
      process.kill(process.pid, heldUp.by)
      return Effect.void
    })
  const scope = yield* Scope.make()
  // On a machine that is busy with other processes, a server may not answer at first.
  const built = yield* Layer.buildWithScope(Layer.fresh(kind.layer(address)), scope).pipe(
    Effect.retry({ times: 20, schedule: Schedule.spaced("500 millis") })
  )
  const store = watchedStore(Context.get(built, SessionStore), announce)
  const client = watchedProvider(yield* provider({ ...opening, ...kind }), announce)
  const live = yield* SessionRef.open(client, keyOf(kind, account)).pipe(
    Effect.provideService(SessionStore, store),
    Effect.provideService(Scope.Scope, scope)
  )
  opened.set(ref, { opening, live, scope, goOn })
})

const tagOf = (error: AuthError) =>
  error._tag === "SessionStoreError" || error._tag === "TransportError"
    ? `${error._tag}.${error.reason._tag}`
    : error._tag

const labelIn = ({ accessToken }: Session) => (accessToken ? labelOf(Redacted.value(accessToken)) : "none")

/** What it is answered with, none for orders without an answer of their own. */
const obey = Effect.fnUntraced(function* (line: Line) {
  if (line.do === "open") {
    yield* open(line.ref, line.opening)
    return []
  }
  const { goOn, live, opening, scope } = yield* Effect.fromNullishOr(opened.get(line.ref))
  switch (line.do) {
    case "get": {
      const once = Effect.map(live.get, labelIn)
      const asked = line.patient
        ? Effect.retry(once, {
            while: ({ isRetryable }) => isRetryable,
            schedule: Schedule.spaced("100 millis")
          })
        : once
      const answered = asked.pipe(Effect.catch((error) => Effect.succeed(tagOf(error))))
      return yield* Effect.all(
        Array.from({ length: line.times }, () => answered),
        {
          concurrency: "unbounded"
        }
      )
    }
    case "adopt":
      yield* live.adopt(yield* sessionOf(stores[opening.store], opening.account, line.grant, "new"))
      return []
    case "reload":
      yield* live.reload
      return []
    case "logout": {
      const { forgotten } = yield* live.logout
      return [forgotten ? "forgotten" : "nothing to forget"]
    }
    case "goOn":
      yield* Deferred.succeed(goOn, undefined)
      return []
    case "close":
      yield* Scope.close(scope, Exit.void)
      opened.delete(line.ref)
      return []
  }
})

createInterface({ input: process.stdin })
  .on("line", (text) => {
    const line: Line = JSON.parse(text)
    Effect.runFork(
      obey(line).pipe(
        Effect.provide(FetchHttpClient.layer),
        Effect.provideService(References.MinimumLogLevel, "None"),
        Effect.catchCause((cause) => Effect.succeed([Cause.pretty(cause)])),
        Effect.map((said) => say({ id: line.id, said, now: Date.now() }))
      )
    )
  })
  .once("close", () => process.exit())

// It may be killed, and then would leave nothing to the next one.
flushCompileCache()
say({ ready: true })
