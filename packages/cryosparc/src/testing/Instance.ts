/**
 * A CryoSPARC instance for tests: what it knows, and what a test can do to it.
 *
 * `CryoSparcTest` has one in memory, `CryoSparcEmulator` one behind a real server. It keeps to Effect's clock, which a
 * test may move; `elapse` moves only the instance's own time, for tests on a real one.
 *
 * @since 0.1.0
 */
import type { HttpRequest, HttpResponse } from "@latchkey/testing/HttpHandler"
import { json } from "@latchkey/testing/HttpHandler"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import * as HttpSimulation from "@latchkey/testing/HttpSimulation"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Accounts from "./internal/accounts.ts"
import * as Replies from "./internal/replies.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Passwords by e-mail. Default: `ada@example.com` with `correct-horse`. */
  readonly users?: Readonly<Record<string, string>>
  /** Where its API signs in, below `/api/cmd`. Default: `/auth/token`. */
  readonly loginPath?: string
  /** What is in front of `/api/cmd`: begins with a slash, ends without one. Default: nothing. */
  readonly prefix?: string
}

/**
 * @category services
 * @since 0.1.0
 */
export class Instance extends Context.Service<
  Instance,
  {
    readonly addUser: (email: string, password: Redacted.Redacted<string>) => Effect.Effect<void>
    /** The user's tokens end with the old password. */
    readonly changePassword: (email: string, password: Redacted.Redacted<string>) => Effect.Effect<void>
    readonly removeUser: (email: string) => Effect.Effect<void>
    /** Ends all tokens. */
    readonly revokeTokens: Effect.Effect<void>
    /** Moves the sign-in to another path, and says so in the description of the API. */
    readonly setLoginPath: (path: string) => Effect.Effect<void>
    /** Describes the API like this from now on, whatever it is. */
    readonly setDescription: (document: unknown) => Effect.Effect<void>
    /** Lets time pass for the instance alone: tokens run out. */
    readonly elapse: (duration: Duration.Input) => Effect.Effect<void>
  } & HttpSimulation.Line
>()("@latchkey/cryosparc/testing/Instance") {}

/**
 * What a server needs of an `Instance`.
 *
 * @category models
 * @since 0.1.0
 */
export type Simulation = HttpSimulation.HttpSimulation<Instance["Service"]>

const DEFAULT_USERS = { "ada@example.com": "correct-horse" }

/**
 * An instance that nothing serves yet. It answers three requests below `/api/cmd`: for the description of the API, the
 * sign-in, and `GET /users/me`, which tells whose token came with it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}): Effect.fn.Return<Simulation> {
  const faults = yield* HttpFaults.make
  const accounts = Accounts.make()
  for (const [email, password] of Object.entries(options.users ?? DEFAULT_USERS)) {
    accounts.setPassword(email, Redacted.make(password))
  }
  const api = `${options.prefix ?? ""}/api/cmd`
  let loginPath = options.loginPath ?? "/auth/token"
  let description: unknown = Replies.description(loginPath)
  let elapsed = 0

  const reply = (request: HttpRequest, now: number): HttpResponse => {
    const only = (method: string, answer: () => HttpResponse) =>
      request.method === method ? answer() : Replies.wrongMethod
    switch (request.path) {
      case `${api}/openapi.json`:
        return only("GET", () => json(200, description))
      case `${api}/users/me`:
        return only("GET", () => Replies.me(request, accounts, now))
      case `${api}${loginPath}`:
        return only("POST", () => Replies.login(request, accounts, now))
    }
    return Replies.unknown
  }

  return {
    faults,
    handler: (request) => Effect.map(Clock.currentTimeMillis, (now) => reply(request, now + elapsed)),
    control: (server) => ({
      addUser: (email, password) => Effect.sync(() => accounts.setPassword(email, password)),
      changePassword: (email, password) => Effect.sync(() => accounts.setPassword(email, password)),
      removeUser: (email) => Effect.sync(() => accounts.remove(email)),
      revokeTokens: Effect.sync(accounts.revoke),
      setLoginPath: (path) =>
        Effect.sync(() => {
          loginPath = path
          description = Replies.description(path)
        }),
      setDescription: (document) =>
        Effect.sync(() => {
          description = document
        }),
      elapse: (duration) =>
        Effect.sync(() => {
          elapsed += Duration.toMillis(Duration.fromInputUnsafe(duration))
        }),
      ...HttpSimulation.line(server, faults)
    })
  }
})
