/** Where the environment says that sockets are (contract, section 3.1). */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { userInfo } from "node:os"
import { join } from "node:path"

export const SOCKET = "RESONITE_IO_SOCKET"

export const DIRECTORY = "RESONITE_IO_SOCKET_DIR"

export type Place = { readonly socket: string } | { readonly directory: string }

/** The provider that somebody has put in place; none for Effect's own. */
export const given: Effect.Effect<Option.Option<ConfigProvider.ConfigProvider>> = Effect.map(
  ConfigProvider.ConfigProvider,
  (provider) =>
    provider === Context.get(Context.empty(), ConfigProvider.ConfigProvider)
      ? Option.none()
      : Option.some(provider)
)

/** An empty variable counts as unset. */
const variable = (name: string) =>
  Effect.map(Config.option(Config.String(name)), (value) => Option.getOrElse(value, () => ""))

/** As the password database has it. */
const home = Effect.try(() => userInfo().homedir)

const read = Effect.gen(function* (): Effect.fn.Return<Place, unknown> {
  const socket = yield* variable(SOCKET)
  if (socket !== "") return { socket }
  const directory = yield* variable(DIRECTORY)
  if (directory !== "") return { directory }
  const found = yield* variable("HOME")
  return { directory: join(found === "" ? yield* home : found, ".resonite-io") }
})

/** Now: Effect's own provider has a copy of what the environment was when it was first used. */
export const place: Effect.Effect<Place, unknown> = Effect.flatMap(given, (provider) =>
  Effect.provideService(
    read,
    ConfigProvider.ConfigProvider,
    Option.getOrElse(provider, () => ConfigProvider.fromEnv())
  )
)
