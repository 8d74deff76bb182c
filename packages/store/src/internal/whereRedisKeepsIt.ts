/** Under which keys Redis keeps what. */
import { SessionKey } from "@latchkey/core/SessionKey"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** What is in braces decides on which node of a cluster a key lives: a script can only touch keys of one node. */
export const keysUnder = (prefix: string) => {
  const head = `{${prefix}}`
  return {
    /** A hash: the format, how many entries there are, and the last place that was given away. */
    store: `${head}:store`,
    /** A sorted set: the ids of all entries, by the order in which they were first put. */
    order: `${head}:order`,
    /** A hash: a version and a line. */
    entry: (id: string) => `${head}:entry:${id}`,
    /** A hash; it stays when its lease is over, so that fences grow and marks stay. */
    lease: (id: string) => `${head}:lease:${id}`,
    /** A note that a write was done, for as long as somebody may ask for it again. */
    done: (write: string) => `${head}:done:${write}`
  }
}

const decodeId = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Tuple([Schema.NonEmptyString, Schema.NonEmptyString, Schema.NonEmptyString]))
)

/** The key whose id this is; none where it is none. */
export const keyOf = (id: string): Option.Option<SessionKey> =>
  decodeId(id).pipe(
    Option.map(([provider, instance, account]) => new SessionKey({ provider, instance, account }))
  )
