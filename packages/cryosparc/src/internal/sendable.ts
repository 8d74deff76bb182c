/** Which token can travel as `authorization: Bearer …`. Nothing else is known of a token: it is not looked into. */
import * as Schema from "effect/Schema"

/** Servers of HTTP refuse larger headers. */
const MAX_LENGTH = 16 * 1024

export const Sendable = Schema.String.check(
  Schema.isPattern(/^[\x21-\x7e]+$/),
  Schema.isMaxLength(MAX_LENGTH)
)

export const isSendable = Schema.is(Sendable)
