/**
 * Secrets that were refused, and accounts that are locked out: nobody sends these again until told so.
 *
 * Kept in memory, and of a secret only its 32-bit hash: too little to find it by, and enough that another one is taken
 * for it once in four billion times.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Hash from "effect/Hash"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import { InvalidLogin, TemporarilyLockedOut } from "../AuthError.ts"
import type { Session } from "../Session.ts"

/** Per account; the oldest is forgotten first. */
const REFUSALS_KEPT = 16

interface Attempt {
  readonly fingerprint: number
  /** The session, where there was one: whoever came with the same secret shares it. */
  readonly done: Deferred.Deferred<Option.Option<Session>>
}

interface Drawer {
  readonly refused: Map<number, InvalidLogin>
  lock: { readonly from: number; readonly until: number; readonly error: TemporarilyLockedOut } | undefined
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
    return Effect.gen({ self: this }, function* (): Effect.fn.Return<
      Session,
      E | InvalidLogin | TemporarilyLockedOut,
      R
    > {
      const fingerprint = Hash.hash(secret)
      const drawer = this.#drawers.get(id) ?? { refused: new Map(), lock: undefined, attempt: undefined }
      this.#drawers.set(id, drawer)
      if (again) {
        drawer.refused.delete(fingerprint)
        drawer.lock = undefined
      }
      while (true) {
        const refusal = drawer.refused.get(fingerprint)
        if (refusal !== undefined) return yield* refusal
        const now = yield* Clock.currentTimeMillis
        const { attempt, lock } = drawer
        if (lock !== undefined && now >= lock.from && now < lock.until) {
          const { instance, message, provider } = lock.error
          const retryAfter = Duration.millis(lock.until - now)
          return yield* new TemporarilyLockedOut({ provider, instance, message, retryAfter })
        }
        if (attempt === undefined) return yield* this.#attempt(drawer, fingerprint, login)
        const session = yield* Deferred.await(attempt.done)
        if (attempt.fingerprint === fingerprint && Option.isSome(session)) return session.value
      }
    })
  }

  #attempt<E, R>(
    drawer: Drawer,
    fingerprint: number,
    login: Effect.Effect<Session, E, R>
  ): Effect.Effect<Session, E, R> {
    return Effect.suspend(() => {
      const attempt: Attempt = { fingerprint, done: Deferred.makeUnsafe() }
      drawer.attempt = attempt
      return login.pipe(
        Effect.tapError((error) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            if (isInvalidLogin(error)) this.#refuse(drawer, fingerprint, error)
            if (isLockedOut(error)) {
              drawer.lock = { from: now, until: now + Duration.toMillis(error.retryAfter), error }
            }
          })
        ),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            drawer.attempt = undefined
            Deferred.doneUnsafe(attempt.done, Exit.succeed(Exit.getSuccess(exit)))
          })
        )
      )
    })
  }

  #refuse(drawer: Drawer, fingerprint: number, error: InvalidLogin) {
    drawer.refused.set(fingerprint, error)
    const [oldest] = drawer.refused.keys()
    if (drawer.refused.size > REFUSALS_KEPT && oldest !== undefined) drawer.refused.delete(oldest)
  }
}

const isInvalidLogin = (error: unknown): error is InvalidLogin => Predicate.isTagged(error, "InvalidLogin")
const isLockedOut = (error: unknown): error is TemporarilyLockedOut =>
  Predicate.isTagged(error, "TemporarilyLockedOut")
