/**
 * Whether the service refused a token, or the keys of the application that came with it: one status says both (contract, section
 * 3.1). What needs the keys alone tells them apart, where the organization is known that it is asked about.
 */
import * as Effect from "effect/Effect"
import * as Answer from "./answer.ts"
import type { Ask } from "./ask.ts"

/** Fails with the refusal itself once it is clear that it was about the token. */
export type Refused = <E>(refusal: E) => Effect.Effect<never, E | Answer.Refusal<"application">>

export const make =
  ({ orgId, send, where }: Ask): Refused =>
  (refusal) =>
    orgId === undefined
      ? Effect.fail(refusal)
      : Effect.andThen(
          send(
            { method: "GET", path: "/rbac/role", query: { first: [["org_id", orgId]] } },
            Answer.keys(where)
          ),
          Effect.fail(refusal)
        )
