/** Which token can travel as `authorization: Bearer …`. Nothing else is known of a token: it is not looked into. */
import * as Schema from "effect/Schema"

/** 16 KiB. Servers of HTTP/2 refuse larger headers, and with them the connection of all other calls. */
export const MAX_LENGTH = 16 * 1024

export const isSendable = Schema.is(
  Schema.String.check(Schema.isPattern(/^[\x21-\x7e]+$/), Schema.isMaxLength(MAX_LENGTH))
)
