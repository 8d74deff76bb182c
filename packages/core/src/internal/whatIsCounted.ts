/** Metrics. Their only label is the provider: an account name is nobody's dashboard's business. */
import * as Metric from "effect/Metric"

export const logins = Metric.counter("latchkey_logins_total", {
  description: "Sign-ins, by provider and outcome",
  incremental: true
})

export const renewals = Metric.counter("latchkey_renewals_total", {
  description: "Renewals, by provider and outcome",
  incremental: true
})

export const joinedWaiters = Metric.counter("latchkey_renewal_waiters_total", {
  description: "Callers that waited for a renewal which somebody else had begun",
  incremental: true
})

export const renewalTime = Metric.timer("latchkey_renewal_duration", {
  description: "How long a renewal took, waiting for the lease included"
})
