/**
 * A game for tests: what it knows, and what a test can do to it.
 *
 * `ResoniteTest` has one in memory, `ResoniteEmulator` one behind a real socket. It keeps to Effect's clock.
 *
 * @since 0.1.0
 */
import { GrpcStatus } from "@latchkey/grpc"
import { GrpcFaults, type GrpcHandlers } from "@latchkey/grpc/testing"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Wire from "../internal/wire.ts"
import * as Engine from "./internal/engine.ts"

/**
 * Signs in by its name, its e-mail address or its id.
 *
 * @category models
 * @since 0.1.0
 */
export interface Account {
  readonly userId: string
  readonly userName: string
  readonly email?: string
  readonly password: Redacted.Redacted<string>
  /** The only code that is taken. Default: no second factor. */
  readonly totp?: Redacted.Redacted<string>
}

/**
 * What becomes of a login at the cloud: it is judged, it gets nowhere, or it is answered with that HTTP status.
 *
 * @category models
 * @since 0.1.0
 */
export type Cloud = "Up" | "Down" | { readonly http: number }

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Default: `ada` (`U-ada`, `ada@example.com`), and `grace` (`U-grace`) whose code is `123456`; both with `correct-horse`. */
  readonly accounts?: ReadonlyArray<Account>
  /** Whether the service that tells the mod's version is there. Default: true. */
  readonly info?: boolean
  /** Whether the service for signing in is there, which an older mod lacks. Default: true. */
  readonly auth?: boolean
}

/**
 * @category services
 * @since 0.1.0
 */
export class Game extends Context.Service<
  Game,
  {
    readonly addAccount: (account: Account) => Effect.Effect<void>
    /** While its engine starts, a game refuses logins and logouts, and says that it is logged out. */
    readonly setStarting: (isStarting: boolean) => Effect.Effect<void>
    /** Whether the mod runs without its engine side. */
    readonly setBridgeMissing: (isMissing: boolean) => Effect.Effect<void>
    readonly setCloud: (cloud: Cloud) => Effect.Effect<void>
    /** Of the session there is, and of those to come. Default: a week after the login. */
    readonly setSessionExpires: (unixNanos: bigint) => Effect.Effect<void>
    /** The player signs in, in the game. */
    readonly loginInGame: (account: Account) => Effect.Effect<void>
    /** The player signs out, in the game. */
    readonly logoutInGame: Effect.Effect<void>
    /** Ends the game, its socket and every connection, with the calls on it. */
    readonly stop: Effect.Effect<void>
    /** Starts it on the same socket, if it is not running. A session is there again if it was to be remembered. */
    readonly start: Effect.Effect<void>
    /** Ends the game, and starts it as another process: its socket has another name. */
    readonly restart: Effect.Effect<void>
    /** The requests that the game has handled, oldest first, secrets included. Those that met a fault may be missing. */
    readonly requests: Effect.Effect<ReadonlyArray<GrpcHandlers.GrpcRequest>>
    /** What shall go wrong next. */
    readonly faults: GrpcFaults.GrpcFaults
  }
>()("@latchkey/resonite/testing/Game") {}

/**
 * How a game is started and ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Machine {
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
  /** Starts it under another name. */
  readonly startAnew: Effect.Effect<void>
}

/**
 * What a server needs of a `Game`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Simulation {
  readonly handlers: GrpcHandlers.GrpcHandlers
  readonly faults: GrpcFaults.GrpcFaults
  /** The test's side of it. */
  readonly control: (machine: Machine) => Game["Service"]
}

const password = Redacted.make("correct-horse")

const ACCOUNTS: ReadonlyArray<Account> = [
  { userId: "U-ada", userName: "ada", email: "ada@example.com", password },
  { userId: "U-grace", userName: "grace", password, totp: Redacted.make("123456") }
]

const INFO = "/resonite_io.v1.Info/GetServerInfo"

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}): Effect.fn.Return<Simulation> {
  const faults = yield* GrpcFaults.make
  const engine = Engine.make([...(options.accounts ?? ACCOUNTS)])
  const requests: Array<GrpcHandlers.GrpcRequest> = []

  const handler =
    (answer: (message: Uint8Array, now: number) => Uint8Array | GrpcStatus.GrpcStatus) =>
    (request: GrpcHandlers.GrpcRequest) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        requests.push(request)
        const answered = answer(request.message, now)
        return answered instanceof GrpcStatus.GrpcStatus ? Effect.fail(answered) : Effect.succeed(answered)
      })

  return {
    faults,
    handlers: {
      ...(options.auth !== false && {
        [Wire.login.path]: handler(engine.login),
        [Wire.logout.path]: handler(engine.logout),
        [Wire.status.path]: handler(engine.status)
      }),
      ...(options.info !== false && { [INFO]: handler(() => new Uint8Array()) })
    },
    control: ({ start, startAnew, stop }) => {
      const end = Effect.andThen(stop, Effect.sync(engine.restart))
      return {
        addAccount: (account) => Effect.sync(() => void engine.accounts.push(account)),
        setStarting: (isStarting) => Effect.sync(() => void (engine.isStarting = isStarting)),
        setBridgeMissing: (isMissing) => Effect.sync(() => void (engine.isBridgeMissing = isMissing)),
        setCloud: (cloud) => Effect.sync(() => void (engine.cloud = cloud)),
        setSessionExpires: (nanos) => Effect.sync(() => engine.setExpires(nanos)),
        loginInGame: (account) => Effect.map(Clock.currentTimeMillis, (now) => engine.become(account, now)),
        logoutInGame: Effect.map(Clock.currentTimeMillis, (now) => engine.become(undefined, now)),
        stop: end,
        start,
        restart: Effect.andThen(end, startAnew),
        requests: Effect.sync(() => requests.slice()),
        faults
      }
    }
  }
})
