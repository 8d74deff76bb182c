/** Metrics. Their only labels are the provider and the outcome: an account name is nobody's dashboard's business. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"

const logins = Metric.counter("latchkey_logins_total", {
  description: "Sign-ins that were sent, by provider and outcome",
  incremental: true
})

const renewals = Metric.counter("latchkey_renewals_total", {
  description: "Renewals, by provider and outcome",
  incremental: true
})

const joinedWaiters = Metric.counter("latchkey_renewal_waiters_total", {
  description: "Callers that waited for a renewal which somebody else had begun",
  incremental: true
})

const renewalTime = Metric.timer("latchkey_renewal_duration", {
  description: "How long a renewal took, waiting for the lease included"
})

const outcomeOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isSuccess(exit) ? "succeeded" : "failed")

export const countedLogin = <A, E, R>(
  login: Effect.Effect<A, E, R>,
  provider: string
): Effect.Effect<A, E, R> =>
  Effect.onExit(login, (exit) =>
    Metric.update(Metric.withAttributes(logins, { provider, outcome: outcomeOf(exit) }), 1)
  )

export const counted = <A, E, R>(
  renewal: Effect.Effect<A, E, R>,
  provider: string,
  joined: () => number
): Effect.Effect<A, E, R> =>
  renewal.pipe(
    Effect.exit,
    Effect.timed,
    Effect.flatMap(([took, exit]) =>
      Effect.all([
        Metric.update(Metric.withAttributes(renewalTime, { provider }), took),
        Metric.update(Metric.withAttributes(joinedWaiters, { provider }), joined()),
        Metric.update(Metric.withAttributes(renewals, { provider, outcome: outcomeOf(exit) }), 1)
      ]).pipe(Effect.andThen(exit))
    )
  )
