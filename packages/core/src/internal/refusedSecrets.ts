/**
 * Secrets that were refused, and accounts that are locked out: nobody sends these again until told so.
 *
 * Kept in memory, and of a secret only its fingerprint.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import { InvalidLogin, TemporarilyLockedOut } from "../AuthError.ts"
import type { Session } from "../Session.ts"
import { fingerprint } from "./fingerprint.ts"
import { Wait } from "./howMuchLonger.ts"

/** Per account; the oldest is forgotten first. */
const REFUSALS_KEPT = 16

/** One login that is under way. Whoever comes with the same secret meanwhile shares what becomes of it. */
interface Attempt {
  readonly print: string
  readonly done: Deferred.Deferred<Exit.Exit<Session, unknown>>
}

interface Drawer {
  readonly refused: Map<string, InvalidLogin>
  lock: { readonly wait: Wait; readonly error: TemporarilyLockedOut } | undefined
  attempt: Attempt | undefined
}

export class RefusedSecrets {
  readonly #drawers = new Map<string, Drawer>()

  /** One login at a time per `id`. `again`: what is known of refusals and lock-outs is forgotten first. */
  guard<E, R>(
    id: string,
    secret: Redacted.Redacted<string>,
    login: Effect.Effect<Session, E, R>,
    again: boolean
  ): Effect.Effect<Session, E | InvalidLogin | TemporarilyLockedOut, R> {
    // What is marked is carried out: nobody can be interrupted in between.
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function* (): Effect.fn.Return<
        Session,
        E | InvalidLogin | TemporarilyLockedOut,
        R
      > {
        const print = fingerprint(secret)
        if (again) this.#forgive(id, print)
        while (true) {
          const now = yield* Clock.currentTimeMillis
          // From here on nobody else gets a turn until the attempt is marked.
          const drawer = this.#drawers.get(id)
          const refusal = drawer?.refused.get(print)
          if (refusal !== undefined) return yield* notSent(refusal)
          const left = drawer?.lock?.wait.left(now) ?? 0
          if (drawer?.lock !== undefined && left > 0) {
            const { instance, message, provider } = drawer.lock.error
            const retryAfter = Duration.millis(left)
            return yield* new TemporarilyLockedOut({ provider, instance, message, retryAfter })
          }
          const attempt = drawer?.attempt
          if (attempt === undefined) return yield* this.#attempt(id, print, restore(login))
          const exit = yield* restore(Deferred.await(attempt.done))
          if (attempt.print === print && isForAll(exit, login)) return yield* exit
        }
      })
    )
  }

  /** Marked at once, before the effect runs. */
  #attempt<E, R>(
    id: string,
    print: string,
    login: Effect.Effect<Session, E, R>
  ): Effect.Effect<Session, E, R> {
    const drawer = this.#drawers.get(id) ?? { refused: new Map(), lock: undefined, attempt: undefined }
    this.#drawers.set(id, drawer)
    const attempt: Attempt = { print, done: Deferred.makeUnsafe() }
    drawer.attempt = attempt
    return Effect.onExit(login, (exit) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        drawer.attempt = undefined
        this.#learn(drawer, print, Option.getOrUndefined(Exit.findErrorOption(exit)), now)
        if (drawer.refused.size === 0 && drawer.lock === undefined) this.#drawers.delete(id)
        Deferred.doneUnsafe(attempt.done, Exit.succeed(exit))
      })
    )
  }

  #learn(drawer: Drawer, print: string, error: unknown, now: number): void {
    if (error === undefined) drawer.lock = undefined
    if (error instanceof TemporarilyLockedOut) {
      drawer.lock = { wait: new Wait(now, Duration.toMillis(error.retryAfter)), error }
    }
    // A code that was refused says nothing about the password that came with it.
    if (error instanceof InvalidLogin && error.factor === "password") {
      drawer.refused.set(print, error)
      const [oldest] = drawer.refused.keys()
      if (drawer.refused.size > REFUSALS_KEPT && oldest !== undefined) drawer.refused.delete(oldest)
    }
  }

  #forgive(id: string, print: string): void {
    const drawer = this.#drawers.get(id)
    if (drawer === undefined) return
    drawer.refused.delete(print)
    drawer.lock = undefined
  }
}

/**
 * Those who share an attempt have asked one provider for one account: it fails alike for all of them. That its owner
 * went away is nobody else's business.
 */
const isForAll = <E, R>(
  exit: Exit.Exit<Session, unknown>,
  _login: Effect.Effect<Session, E, R>
): exit is Exit.Exit<Session, E> => !Exit.hasInterrupts(exit)

/** The verdict of before, for whoever must be told that nobody was asked this time. */
const notSent = ({ factor, instance, message, provider }: InvalidLogin): InvalidLogin =>
  new InvalidLogin({
    provider,
    instance,
    factor,
    message: `${message} (it was refused before, and not sent this time; with again: true it is, if it is right by now)`
  })
