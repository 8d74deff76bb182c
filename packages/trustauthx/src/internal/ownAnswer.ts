/** Where the count in the answer to a change of our own goes: the renewal after the change covers it. */
import * as Context from "effect/Context"

export interface OwnAnswer {
  header: string | undefined
}

export const OwnAnswer: Context.Reference<OwnAnswer | undefined> = Context.Reference<OwnAnswer | undefined>(
  "@latchkey/trustauthx/internal/OwnAnswer",
  { defaultValue: () => undefined }
)
