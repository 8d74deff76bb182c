/** Where cryosparc-tools keeps its sessions when nobody says (store contract, section 1.1). */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { userInfo } from "node:os"
import { posix, win32 } from "node:path"
import { unavailable, type Where } from "./explainFailure.ts"

const NAMES = ["cryosparc-tools", "auth.json"] as const

/** On macOS it is not the folder for application data. A relative `XDG_CONFIG_HOME` is taken as it is, with a warning. */
export const defaultAuthFile = Effect.fnUntraced(function* (
  where: Where,
  platform: NodeJS.Platform = process.platform
): Effect.fn.Return<string, SessionStoreError> {
  if (platform === "win32") {
    const roaming = yield* variable("APPDATA")
    if (Option.isSome(roaming)) return win32.join(roaming.value, ...NAMES)
    return yield* Effect.fail(unavailable(where, "APPDATA is not set: set it, or say where the file lies"))
  }
  const config = yield* variable("XDG_CONFIG_HOME")
  if (Option.isSome(config)) {
    if (!posix.isAbsolute(config.value)) {
      yield* Effect.logWarning(
        "XDG_CONFIG_HOME is relative: there is a session file for every working directory"
      )
    }
    return posix.join(config.value, ...NAMES)
  }
  const home = Option.orElse(yield* variable("HOME"), accountHome)
  if (Option.isSome(home) && posix.isAbsolute(home.value)) return posix.join(home.value, ".config", ...NAMES)
  return yield* Effect.fail(
    unavailable(where, "there is no home folder: set HOME to an absolute path, or say where the file lies")
  )
})

/** None where it is blank. */
const variable = (name: string): Effect.Effect<Option.Option<string>> =>
  Config.String(name).pipe(Effect.option, Effect.map(Option.filter((value) => value.trim() !== "")))

const accountHome = (): Option.Option<string> => Option.liftThrowable(() => userInfo().homedir)()
