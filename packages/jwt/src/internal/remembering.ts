/** How a token is verified at most once at a time, and not again while it is known to be good. */
import type { InvalidRequest, InvalidToken } from "@latchkey/core/AuthError"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { hash } from "node:crypto"
import type { Verified } from "../Jwt.ts"
import type { JwtVerifier, Options } from "../JwtVerifier.ts"
import * as Judge from "./judge.ts"
import * as Policy from "./policy.ts"
import { invalid, refused } from "./refusal.ts"
import * as Verification from "./verification.ts"
import * as WhatWasVerified from "./whatWasVerified.ts"

const CAPACITY = 1000

export const make = <E>({
  capacity = CAPACITY,
  ...options
}: Options<E>): Result.Result<JwtVerifier<E>, InvalidRequest> =>
  Result.flatMap(Policy.make(options), (policy) =>
    Number.isSafeInteger(capacity) && capacity > 0
      ? Result.succeed(over(policy, capacity))
      : Result.fail(invalid(policy.where, "capacity", "capacity must be a whole number of tokens"))
  )

/** Written for the case that a token was seen before: one step, no generator, no span. */
const over = <E>(policy: Policy.Policy<E>, capacity: number): JwtVerifier<E> => {
  type Answer = Exit.Exit<Verified, InvalidToken | E>
  const passed = WhatWasVerified.make(capacity, policy.keys.isCurrent)
  /** Ends with nothing where the one who verified gave up: then another one has to. */
  const flights = new Map<string, Deferred.Deferred<Answer | undefined>>()

  const firstSight = (
    key: string,
    token: Redacted.Redacted<string>
  ): Effect.Effect<Verified, InvalidToken | E> => {
    const flight = Deferred.makeUnsafe<Answer | undefined>()
    return Effect.suspend(() => {
      // Here and not before: between a look and what follows from it no other fiber may run.
      const other = flights.get(key)
      if (other !== undefined) return joined(other, token)
      flights.set(key, flight)
      return Effect.map(Verification.run(policy, token), ({ token, version }) => {
        const { exp, nbf } = token.claims
        passed.put(key, token, version, Judge.beginsAt(policy, nbf), Judge.endsAt(policy, exp))
        return token
      })
    }).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (flights.get(key) === flight) flights.delete(key)
          Deferred.doneUnsafe(flight, Exit.succeed(Exit.hasInterrupts(exit) ? undefined : exit))
        })
      )
    )
  }

  const joined = (
    flight: Deferred.Deferred<Answer | undefined>,
    token: Redacted.Redacted<string>
  ): Effect.Effect<Verified, InvalidToken | E> =>
    Effect.flatMap(
      Deferred.await(flight),
      (answer): Effect.Effect<Verified, InvalidToken | E> => answer ?? verify(token)
    )

  const verify = (token: Redacted.Redacted<string>): Effect.Effect<Verified, InvalidToken | E> =>
    Effect.clockWith((clock): Effect.Effect<Verified, InvalidToken | E> => {
      const text = Redacted.value(token)
      if (text.length > policy.maxBytes) {
        return Effect.fail(refused(policy.where, "TooLarge"))
      }
      const key = hash("sha256", text, "binary")
      const known = passed.get(key, clock.currentTimeMillisUnsafe())
      if (known !== undefined) return known
      return firstSight(key, token)
    })

  return { verify }
}
