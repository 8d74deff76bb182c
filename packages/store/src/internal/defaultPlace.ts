/** Where a store lies when nobody says: below the home directory, and never below the working directory. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Effect from "effect/Effect"
import * as UserDirectories from "effect/persistence/UserDirectories"
import type * as PlatformError from "effect/PlatformError"
import { isAbsolute, join } from "node:path"
import { unavailable } from "./explainFailure.ts"

export const defaultPlace = (
  provider: string,
  below: (directories: UserDirectories.UserDirectories) => Effect.Effect<string, PlatformError.PlatformError>,
  ...names: ReadonlyArray<string>
): Effect.Effect<string, SessionStoreError> =>
  Effect.suspend(() => below(UserDirectories.make())).pipe(
    Effect.filterOrFail(isAbsolute),
    Effect.map((directory) => join(directory, ...names)),
    Effect.mapError(() =>
      unavailable(
        { provider, instance: "" },
        "there is no home directory: set HOME to an absolute path, or say where the store lies"
      )
    )
  )
