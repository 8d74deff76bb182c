/** Which token can travel as `authorization: Bearer …`. Nothing else is known of a token: it is not looked into. */
import * as Schema from "effect/Schema"

export const isSendable = Schema.is(Schema.String.check(Schema.isPattern(/^[\x21-\x7e]+$/)))
