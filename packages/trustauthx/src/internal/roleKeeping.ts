/** Where a copy of roles is kept: in a `Map`, or in SQLite. */
import { InvalidRequest } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as MemoryRoles from "./memoryRoles.ts"
import type { Fill } from "./roleBacking.ts"
import * as SqliteRoles from "./sqliteRoles.ts"

export const fill = (inMemory: boolean): Effect.Effect<Fill, InvalidRequest> =>
  Option.match(inMemory ? Option.some(MemoryRoles.fill) : SqliteRoles.load(), {
    onNone: () =>
      Effect.fail(
        new InvalidRequest({
          provider: "trustauthx",
          instance: "trustauthx",
          message: "inMemory: false needs node:sqlite: use Node 22.19 or newer",
          field: "inMemory"
        })
      ),
    onSome: (it) => Effect.succeed(it)
  })
