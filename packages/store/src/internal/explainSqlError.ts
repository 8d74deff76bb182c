/** What a failure of PostgreSQL, or of the way to it, means to the caller. What the server wrote is not repeated: it may quote a row. */
import { LeaseTimeout, SessionStoreError } from "@latchkey/core/SessionStoreError"
import type { SqlError } from "effect/sql/SqlError"
import { corrupt, unavailable, type Where } from "./explainFailure.ts"

/** Whether the statement was taken back, so that it can be tried again whatever it was. */
export const wasTakenBack = ({ reason }: SqlError): boolean =>
  reason._tag === "SerializationError" ||
  reason._tag === "DeadlockError" ||
  (reason._tag === "ConnectionError" && reason.operation === "connect")

/** Whether the answer is lost: the statement may have been carried out. */
export const wasLost = (error: SqlError): boolean =>
  error.reason._tag === "ConnectionError" && !wasTakenBack(error)

export const explainSqlError = (where: Where, error: SqlError): SessionStoreError => {
  const { cause } = error.reason
  const code =
    typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
      ? cause.code
      : ""
  if (contention.has(code)) {
    const message = `others kept the schema ${where.instance} busy: try again`
    return SessionStoreError.because(where, new LeaseTimeout({ message }))
  }
  if (isDamage(code)) {
    return corrupt(
      where,
      `what is in the schema ${where.instance} is damaged, or was changed by somebody else: restore it, or choose another schema`
    )
  }
  const advice = advices[code] ?? advices[code.slice(0, 2)]
  if (advice !== undefined) return unavailable(where, `PostgreSQL: ${advice}`)
  if (wasLost(error)) {
    return unavailable(where, "the connection to PostgreSQL was lost: what was being written may be there")
  }
  return unavailable(
    where,
    error.reason._tag === "ConnectionError"
      ? "PostgreSQL cannot be reached: check that it runs, and its address"
      : `PostgreSQL failed with ${code === "" ? error.reason._tag : `code ${code}`}`
  )
}

/** serialization_failure, deadlock_detected, lock_not_available. */
const contention = new Set(["40001", "40P01", "55P03"])

/**
 * Tables and columns that are not ours (42, 3F), what only a constraint or a trigger of somebody else refuses (22, 23, P0), and
 * damaged files (XX001, XX002).
 */
const isDamage = (code: string): boolean =>
  advices[code] === undefined && (/^(22|23|3F|42|P0)...$/.test(code) || /^XX00[12]$/.test(code))

/** By SQLSTATE, or by its class. */
const advices: Record<string, string | undefined> = {
  "08": "the connection failed: check the server, and what stands between",
  "25006": "the server only reads, as a standby does: connect to one that writes",
  "28": "it refuses this user: check name, password and pg_hba.conf",
  "3D000": "there is no such database: create it, or name another one",
  "42501":
    "permission denied: grant the role USAGE on the schema and its sequence, and SELECT, INSERT and UPDATE on its tables",
  "42939": "that name is reserved: choose another schema",
  "53": "it is out of memory or of connections: raise its limits, then try again",
  "53100": "its disk is full: make room, then try again",
  "57": "it is starting or going down, or somebody ended the connection: try again",
  "57014": "it cancelled the statement: check statement_timeout, then try again",
  "58": "its disk or its system failed: check its log"
}
