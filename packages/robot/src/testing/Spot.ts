/**
 * A robot for tests: what it knows, and what a test can do to it.
 *
 * `RobotTest` has one in memory, `RobotEmulator` one behind a real server. It keeps to Effect's clock, which a test may
 * move; `elapse` moves only the robot's own time, for tests on a real one.
 *
 * @since 0.1.0
 */
import { GrpcStatus } from "@latchkey/grpc"
import { GrpcFaults, type GrpcHandlers } from "@latchkey/grpc/testing"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { authService, robotIdService } from "../internal/wire.ts"
import * as Accounts from "./internal/accounts.ts"
import * as Replies from "./internal/replies.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Default: `spot-BD-12345678`. */
  readonly serialNumber?: string
  /** Passwords by user name. Default: `user` with `correct-horse`. */
  readonly users?: Readonly<Record<string, string>>
  /** Default: 12 h. */
  readonly tokenLife?: Duration.Input
  /** How far the robot's clock is ahead. Default: 0. */
  readonly clockOffset?: Duration.Input
  /** Calls of the auth service per second, above which its proxy answers HTTP 429; `Infinity` for any. Default: 5. */
  readonly rateLimit?: number
  /** What software before 4.0 says to every sign-in: status 5 or 6. Default: nothing. */
  readonly applicationToken?: "Invalid" | "Expired"
  /**
   * Further services, by authority and path. Under another authority there is no such service (status 12); without a
   * token of this robot each answers status 16.
   */
  readonly services?: Readonly<Record<string, GrpcHandlers.GrpcHandlers>>
}

/**
 * @category services
 * @since 0.1.0
 */
export class Spot extends Context.Service<
  Spot,
  {
    readonly serialNumber: Effect.Effect<string>
    readonly addUser: (username: string, password: Redacted.Redacted<string>) => Effect.Effect<void>
    /** The user's tokens end with the old password, and do not come back with it. */
    readonly changePassword: (username: string, password: Redacted.Redacted<string>) => Effect.Effect<void>
    readonly removeUser: (username: string) => Effect.Effect<void>
    /** Ends all tokens. */
    readonly revokeTokens: Effect.Effect<void>
    /** Cuts every connection, and forgets lock-outs; tokens stay good. */
    readonly reboot: Effect.Effect<void>
    /** Cuts every connection; another robot, with the same users and none of them locked out, then has the address. */
    readonly replace: (serialNumber: string) => Effect.Effect<void>
    /** Cuts every connection. */
    readonly disconnect: Effect.Effect<void>
    /** Lets time pass for the robot alone: locks and tokens run out. */
    readonly elapse: (duration: Duration.Input) => Effect.Effect<void>
    readonly setClockOffset: (duration: Duration.Input) => Effect.Effect<void>
    /** The requests that the robot has handled, oldest first, secrets included. Those that met a fault may be missing. */
    readonly requests: Effect.Effect<ReadonlyArray<GrpcHandlers.GrpcRequest>>
    /** What shall go wrong next. */
    readonly faults: GrpcFaults.GrpcFaults
  }
>()("@latchkey/robot/testing/Spot") {}

/**
 * What a server needs of a `Spot`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Simulation {
  readonly handlers: GrpcHandlers.GrpcHandlers
  readonly faults: GrpcFaults.GrpcFaults
  /** The test's side of it, once it is known how connections are cut. */
  readonly control: (disconnect: Effect.Effect<void>) => Spot["Service"]
}

const DEFAULT_USERS = { user: "correct-horse" }

/** What the auth service of a robot admits in a second (contract, section 2.3). */
const RATE_LIMIT = 5

const TOO_MANY_REQUESTS = 429

const failed = (code: number, details: string) => Effect.fail(new GrpcStatus.GrpcStatus({ code, details }))

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}): Effect.fn.Return<Simulation> {
  const script = yield* GrpcFaults.make
  const limit = options.rateLimit ?? RATE_LIMIT
  const requests: Array<GrpcHandlers.GrpcRequest> = []
  let elapsed = 0
  let clockOffset = Duration.toMillis(Duration.fromInputUnsafe(options.clockOffset ?? 0))
  let admitted: ReadonlyArray<number> = []
  const accounts = Accounts.make({
    serialNumber: options.serialNumber ?? "spot-BD-12345678",
    tokenLifeMillis: Duration.toMillis(Duration.fromInputUnsafe(options.tokenLife ?? "12 hours")),
    clockOffset: () => clockOffset
  })
  for (const [username, password] of Object.entries(options.users ?? DEFAULT_USERS)) {
    accounts.setPassword(username, password)
  }
  const running = Effect.map(Clock.currentTimeMillis, (now) => now + elapsed)

  const admit = Effect.map(running, (now) => {
    admitted = admitted.filter((at) => now - at < 1000)
    if (admitted.length >= limit) return Option.some(GrpcFaults.GrpcFault.Http({ status: TOO_MANY_REQUESTS }))
    admitted = [...admitted, now]
    return Option.none()
  })

  /** The script goes first; the rate limit is the proxy's, before anything is handled. */
  const faults: GrpcFaults.GrpcFaults = {
    ...script,
    take: (path) =>
      script.take(path).pipe(
        Effect.filterOrElse(
          (fault) => Option.isSome(fault) || path !== authService.method.path || limit === Infinity,
          () => admit
        )
      )
  }

  /** The proxy routes by the authority, and knows no service by any other. */
  const routed =
    (byAuthority: GrpcHandlers.GrpcHandlers): GrpcHandlers.GrpcHandler =>
    (request) =>
      Effect.suspend(() => {
        requests.push(request)
        return byAuthority[request.authority]?.(request) ?? failed(12, "no such service")
      })

  const own = (
    authority: string,
    answer: (message: Uint8Array, now: number, clock: number) => Uint8Array
  ): GrpcHandlers.GrpcHandler =>
    routed({
      [authority]: (request) =>
        Effect.flatMap(running, (now) =>
          Effect.try({
            try: () => answer(request.message, now, now + clockOffset),
            catch: () => new GrpcStatus.GrpcStatus({ code: 13, details: "the request cannot be parsed" })
          })
        )
    })

  const guarded =
    (handler: GrpcHandlers.GrpcHandler): GrpcHandlers.GrpcHandler =>
    (request) =>
      Effect.flatMap(running, (now) => {
        const [, token] = /^Bearer (.+)$/.exec(request.metadata.get("authorization") ?? "") ?? []
        return token !== undefined && accounts.accepts(now, token)
          ? handler(request)
          : failed(16, "a user token is needed")
      })

  const further = Object.groupBy(
    Object.entries(options.services ?? {}).flatMap(([authority, handlers]) =>
      Object.entries(handlers).map(([path, handler]) => ({ path, authority, handler: guarded(handler) }))
    ),
    ({ path }) => path
  )

  return {
    faults,
    handlers: {
      ...Object.fromEntries(
        Object.entries(further).map(([path, entries = []]) => [
          path,
          routed(Object.fromEntries(entries.map(({ authority, handler }) => [authority, handler])))
        ])
      ),
      [authService.method.path]: own(authService.authority, (message, now, clock) =>
        Replies.authToken(message, clock, options.applicationToken, {
          login: (username, password) => accounts.login(now, username, password),
          renew: (token) => accounts.renew(now, token)
        })
      ),
      [robotIdService.method.path]: own(robotIdService.authority, (message, _, clock) =>
        Replies.robotId(message, clock, accounts.serialNumber())
      )
    },
    control: (disconnect) => ({
      serialNumber: Effect.sync(accounts.serialNumber),
      addUser: (username, password) =>
        Effect.sync(() => accounts.setPassword(username, Redacted.value(password))),
      changePassword: (username, password) =>
        Effect.sync(() => accounts.setPassword(username, Redacted.value(password))),
      removeUser: (username) => Effect.sync(() => accounts.remove(username)),
      revokeTokens: Effect.sync(accounts.revoke),
      reboot: Effect.andThen(Effect.sync(accounts.restart), disconnect),
      replace: (serialNumber) =>
        Effect.andThen(
          Effect.sync(() => accounts.become(serialNumber)),
          disconnect
        ),
      disconnect,
      elapse: (duration) =>
        Effect.sync(() => {
          elapsed += Duration.toMillis(Duration.fromInputUnsafe(duration))
        }),
      setClockOffset: (duration) =>
        Effect.sync(() => {
          clockOffset = Duration.toMillis(Duration.fromInputUnsafe(duration))
        }),
      requests: Effect.sync(() => requests.slice()),
      faults
    })
  }
})
