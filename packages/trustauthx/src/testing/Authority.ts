/**
 * A TrustAuthX for tests: what it knows, and what a test can do to it.
 *
 * `TrustAuthXTest` has one in memory, `TrustAuthXEmulator` one behind a real server. It keeps to Effect's clock, which a test may move;
 * `elapse` moves only the service's own time, for tests on a real one.
 *
 * Two applications exist: `ak_main` with `sk_main_0123456789abcdef` and the organization `org_main`, and `ak_two` with
 * `sk_two_fedcba9876543210` and `org_two`. Codes, tokens and ids such as `code-badsig`, `at-500`, `rt-norefresh` and `uid-500` always
 * mean the same.
 *
 * @since 0.1.0
 */
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import * as HttpSimulation from "@latchkey/testing/HttpSimulation"
import * as Context from "effect/Context"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Service from "./internal/service.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface NewUser {
  readonly uid: string
  readonly email: string
  readonly password: Redacted.Redacted<string>
  readonly name?: string
  readonly img?: string
  /** Of every session that is signed in to, before the ids of the user's roles. Default: `profile` and `email`. */
  readonly scope?: ReadonlyArray<string>
}

/**
 * On which answers `X-EDGE` tells the number of roles. `roles`: on the list of roles too.
 *
 * @category models
 * @since 0.1.0
 */
export type EdgeMode = "never" | "always" | "roles"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Default: `ann+test@example.com` (`uid_ann`) with `correct-horse`, and `zoë@example.com` (`uid_zoe`) with `battery-staple`. */
  readonly users?: ReadonlyArray<NewUser>
  /** Where the login page sends a browser that has signed in. Default: `http://localhost:3000/callback`. */
  readonly callback?: string
  /** Of an access token. Default: 1 h. */
  readonly life?: Duration.Input
  /** Default: `always`. */
  readonly edge?: EdgeMode
}

/**
 * @category services
 * @since 0.1.0
 */
export class Authority extends Context.Service<
  Authority,
  {
    readonly addUser: (user: NewUser) => Effect.Effect<void>
    /** The user's tokens end. */
    readonly removeUser: (uid: string) => Effect.Effect<void>
    /** A code, as the login page hands it out. Dies for an unknown user. */
    readonly signIn: (uid: string) => Effect.Effect<Redacted.Redacted<string>>
    /** A code, as the page for settings hands it out. Dies for a token that is not good. */
    readonly edit: (accessToken: Redacted.Redacted<string>) => Effect.Effect<Redacted.Redacted<string>>
    /** Whether a visit to the page for settings changes something, so that it comes back with a code. Default: true. */
    readonly setEdits: (edits: boolean) => Effect.Effect<void>
    /** Ends all tokens, or those of one user. */
    readonly revokeTokens: (uid?: string) => Effect.Effect<void>
    /** How many refresh tokens came back after they were spent. */
    readonly reuses: Effect.Effect<number>
    /** Adds a role, as somebody else would. Gives its id. */
    readonly addRole: (
      orgId: string,
      name: string,
      permissions: Readonly<Record<string, string>>
    ) => Effect.Effect<string>
    readonly removeRole: (orgId: string, rolId: string) => Effect.Effect<void>
    /** Replaces a role's permissions, as somebody else would: the number of roles stays. */
    readonly setPermissions: (
      orgId: string,
      rolId: string,
      permissions: Readonly<Record<string, string>>
    ) => Effect.Effect<void>
    readonly rolesOf: (uid: string) => Effect.Effect<ReadonlyArray<string>>
    readonly setEdge: (mode: EdgeMode) => Effect.Effect<void>
    /** Where the login page sends a browser that has signed in, from now on. Dies for what is no address. */
    readonly setCallback: (url: string) => Effect.Effect<void>
    /** Lets time pass for the service alone: tokens run out. */
    readonly elapse: (duration: Duration.Input) => Effect.Effect<void>
  } & HttpSimulation.Line
>()("@latchkey/trustauthx/testing/Authority") {}

/**
 * What a server needs of an `Authority`.
 *
 * @category models
 * @since 0.1.0
 */
export type Simulation = HttpSimulation.HttpSimulation<Authority["Service"]>

/**
 * A service that nothing serves yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}): Effect.fn.Return<Simulation> {
  const scripted = yield* HttpFaults.make
  const service = Service.make(options)
  let elapsed = 0
  let arrived: HttpSimulation.Arrivals["requests"] = Effect.succeed([])

  /** A connection to which `at-reset` was sent breaks: only a fault can do that, and it is asked for as a request arrives. */
  const faults: HttpFaults.HttpFaults = {
    ...scripted,
    take: (path) =>
      Effect.flatMap(
        scripted.take(path),
        Option.match({
          onSome: Effect.succeedSome,
          onNone: () =>
            Effect.map(arrived, (requests) =>
              Service.breaks(requests.at(-1))
                ? Option.some(HttpFaults.HttpFault.DropBefore())
                : Option.none<HttpFaults.HttpFault>()
            )
        })
      )
  }

  return {
    faults,
    handler: (request) => {
      const reply = Effect.map(Clock.currentTimeMillis, (now) => service.reply(request, now + elapsed))
      return Service.isSlow(request) ? Effect.delay(reply, "1 minute") : reply
    },
    control: (server) => {
      arrived = server.requests
      return {
        addUser: (user) => Effect.sync(() => service.addUser(user)),
        removeUser: (uid) => Effect.sync(() => service.removeUser(uid)),
        signIn: (uid) => Effect.sync(() => Redacted.make(service.signIn(uid))),
        edit: (accessToken) =>
          Effect.map(Clock.currentTimeMillis, (now) =>
            Redacted.make(service.edit(Redacted.value(accessToken), now + elapsed))
          ),
        setEdits: (edits) => Effect.sync(() => void (service.state.edits = edits)),
        setEdge: (mode) => Effect.sync(() => void (service.state.edge = mode)),
        setCallback: (url) => Effect.sync(() => void (service.state.callback = new URL(url).href)),
        revokeTokens: (uid) => Effect.sync(() => service.tokens.endAll(uid)),
        reuses: Effect.sync(() => service.tokens.reuses()),
        addRole: (...role) => Effect.sync(() => service.organizations.addRole(...role)),
        removeRole: (...role) => Effect.sync(() => service.organizations.removeRole(...role)),
        setPermissions: (...role) => Effect.sync(() => service.organizations.setPermissions(...role)),
        rolesOf: (uid) => Effect.sync(() => service.organizations.rolesOf(uid)),
        elapse: (duration) =>
          Effect.sync(() => {
            elapsed += Duration.toMillis(Duration.fromInputUnsafe(duration))
          }),
        ...HttpSimulation.line(server, faults)
      }
    }
  }
})
