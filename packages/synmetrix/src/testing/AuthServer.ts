/**
 * The auth server of a Synmetrix deployment for tests: what it knows, and what a test can do to it.
 *
 * `SynmetrixTest` has one in memory, `SynmetrixEmulator` one behind a real server. It keeps to Effect's clock, which a test may
 * move; `elapse` moves only the server's own time.
 *
 * @since 0.1.0
 */
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import * as HttpSimulation from "@latchkey/testing/HttpSimulation"
import * as JwtKey from "@latchkey/jwt/JwtKey"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Accounts from "./internal/accounts.ts"
import type { Resolver } from "./internal/graphql.ts"
import * as RateLimit from "./internal/rateLimit.ts"
import * as Routes from "./internal/routes.ts"
import type { Mail, Payload, Server } from "./internal/server.ts"

export type { Mail, Payload, Resolver }

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Passwords by e-mail. Default: `ada@example.com` with `correct-horse`. */
  readonly accounts?: Readonly<Record<string, string>>
  /** Default: `hasura`. */
  readonly claimsNamespace?: string
  /** Of access tokens. Default: 10800 minutes. */
  readonly jwtLife?: Duration.Input
  /** Of refresh tokens. Default: 43200 minutes. */
  readonly refreshLife?: Duration.Input
  /** Whether a new account is active. Default: true. */
  readonly activeAtOnce?: boolean
  /** Whether an account that is not gets a mail. Default: false. */
  readonly verifyEmails?: boolean
  /** Default: 6. */
  readonly minPasswordLength?: number
  /** Those of the breach check. Default: none. */
  readonly weakPasswords?: ReadonlyArray<string>
  /** What `userData` may hold. Default: nothing. */
  readonly customFields?: ReadonlyArray<string>
  /** What there is to choose from. Default: `user`, which is also what is taken by default. */
  readonly roles?: readonly [string, ...ReadonlyArray<string>]
  /** Requests in 15 minutes. Default: any number. */
  readonly rateLimit?: number
  /** Where links lead in the end. Default: `https://app.example.com/callback`. */
  readonly redirect?: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface NewAccount {
  readonly email: string
  /** Default: none, as after a magic link. */
  readonly password?: Redacted.Redacted<string>
  /** Default: true. */
  readonly active?: boolean
  /** Whether a code is asked for, which is always `123456`. Default: false. */
  readonly mfa?: boolean
  /** The first is the default one. Default: those of the server. */
  readonly roles?: readonly [string, ...ReadonlyArray<string>]
}

/**
 * @category services
 * @since 0.1.0
 */
export class AuthServer extends Context.Service<
  AuthServer,
  {
    readonly addAccount: (account: NewAccount) => Effect.Effect<void>
    readonly removeAccount: (email: string) => Effect.Effect<void>
    /** Activates an account, or puts it to sleep. */
    readonly setActive: (email: string, active: boolean) => Effect.Effect<void>
    /** What was mailed, oldest first. */
    readonly outbox: Effect.Effect<ReadonlyArray<Mail>>
    /** Whether mails can be sent. */
    readonly setMailAway: (away: boolean) => Effect.Effect<void>
    /** Whether the database is away: the server hides it badly. */
    readonly setDatabaseAway: (away: boolean) => Effect.Effect<void>
    /** Ends all refresh tokens. */
    readonly revokeRefreshTokens: Effect.Effect<void>
    /** How many refresh tokens are live, or at least not yet found to have ended. */
    readonly refreshTokens: Effect.Effect<number>
    /** Signs with another key from now on: every access token is refused. */
    readonly changeKey: Effect.Effect<void>
    /** What signs and verifies access tokens now. */
    readonly key: Effect.Effect<JwtKey.JwtKey>
    /** Changes what the next access tokens say. */
    readonly setPayload: (change: (payload: Payload) => Payload) => Effect.Effect<void>
    /** What GraphQL answers as `data`. Default: `me`, a list of one object with the user's `id`. */
    readonly setResolver: (resolver: Resolver) => Effect.Effect<void>
    /** Lets time pass for the server alone; a negative duration sets its clock back. */
    readonly elapse: (duration: Duration.Input) => Effect.Effect<void>
  } & HttpSimulation.Line
>()("@latchkey/synmetrix/testing/AuthServer") {}

/**
 * What a server needs of an `AuthServer`.
 *
 * @category models
 * @since 0.1.0
 */
export type Simulation = HttpSimulation.HttpSimulation<AuthServer["Service"]>

const DEFAULT_ACCOUNTS = { "ada@example.com": "correct-horse" }

const me: Resolver = ({ userId }) => ({ me: [{ id: userId }] })

/** Whatever a change comes to, it says nothing. */
const set = (change: () => void): Effect.Effect<void> => Effect.sync(change)

const millis = (given: Duration.Input | undefined, otherwise: Duration.Input): number =>
  Duration.toMillis(Duration.fromInputUnsafe(given ?? otherwise))

const keyOf = (generation: number) =>
  Effect.orDie(
    JwtKey.fromSecret({
      algorithm: "HS256",
      secret: Redacted.make(`a simulated server, generation ${generation}`)
    })
  )

/**
 * A server that nothing serves yet: the auth routes, GraphQL, and the web application's page for everything else.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}): Effect.fn.Return<Simulation> {
  const faults = yield* HttpFaults.make
  const { roles = ["user"] } = options
  const [defaultRole] = roles
  const accounts = Accounts.make()
  const server: Server = {
    accounts,
    outbox: [],
    key: yield* keyOf(0),
    isDatabaseAway: false,
    isMailAway: false,
    change: (payload) => payload,
    settings: {
      claimsNamespace: options.claimsNamespace ?? "hasura",
      jwtMillis: millis(options.jwtLife, "10800 minutes"),
      refreshMillis: millis(options.refreshLife, "43200 minutes"),
      minPasswordLength: options.minPasswordLength ?? 6,
      activeAtOnce: options.activeAtOnce ?? true,
      verifyEmails: options.verifyEmails ?? false,
      customFields: options.customFields ?? [],
      weakPasswords: options.weakPasswords ?? [],
      roles,
      defaultRole,
      redirect: options.redirect ?? "https://app.example.com/callback"
    }
  }
  const add = (account: NewAccount): void => {
    const { active = true, email, mfa = false, password, roles: own = roles } = account
    accounts.add({
      email,
      password: password && Redacted.value(password),
      active,
      mfa,
      roles: own,
      defaultRole: own[0],
      fields: {}
    })
  }
  for (const [email, password] of Object.entries(options.accounts ?? DEFAULT_ACCOUNTS)) {
    add({ email, password: Redacted.make(password) })
  }
  let elapsed = 0
  let generation = 0
  let resolver: Resolver = me
  const serve = Routes.make(server, RateLimit.make(options.rateLimit ?? Infinity), () => resolver)

  return {
    faults,
    handler: (request) => Effect.flatMap(Clock.currentTimeMillis, (now) => serve(request, now + elapsed)),
    control: (arrivals) => ({
      addAccount: (account) => set(() => add(account)),
      removeAccount: (email) => set(() => accounts.remove(email)),
      setActive: (email, active) =>
        set(() => {
          const account = accounts.byEmail(email)
          if (account !== undefined) account.active = active
        }),
      outbox: Effect.sync(() => [...server.outbox]),
      setMailAway: (away) => set(() => void (server.isMailAway = away)),
      setDatabaseAway: (away) => set(() => void (server.isDatabaseAway = away)),
      revokeRefreshTokens: set(() => accounts.refreshTokens.removeAll()),
      refreshTokens: Effect.sync(() => accounts.refreshTokens.size()),
      changeKey: Effect.map(
        Effect.suspend(() => keyOf(++generation)),
        (key) => void (server.key = key)
      ),
      key: Effect.sync(() => server.key),
      setPayload: (change) => set(() => void (server.change = change)),
      setResolver: (given) => set(() => void (resolver = given)),
      elapse: (duration) => set(() => void (elapsed += millis(duration, 0))),
      ...HttpSimulation.line(arrivals, faults)
    })
  }
})
