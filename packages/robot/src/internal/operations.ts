/** What each operation of the service does, over any channel: arguments first, then the call, then a session of it. */
import { Session } from "@latchkey/core/Session"
import * as Deadline from "@latchkey/core/Deadline"
import { SessionKey } from "@latchkey/core/SessionKey"
import type { InvalidRequest } from "@latchkey/core/AuthError"
import type { GrpcChannel } from "@latchkey/grpc"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Options, Robot } from "../Robot.ts"
import type { CallOptions, Credentials, SignInError } from "../SignIn.ts"
import * as Arguments from "./arguments.ts"
import * as AtHand from "./atHand.ts"
import * as ClientName from "./clientName.ts"
import * as Conversation from "./conversation.ts"

const DEFAULT_RENEW_AFTER = Duration.hours(1)

/** A token is good for hours after its renewal first failed, and a robot is often away (contract, section 2.8). */
const LONGEST_PAUSE = Duration.hours(1)

const provider = "robot"

/** `instance` is what errors call the robot until its serial number is known. */
export const make = Effect.fnUntraced(function* (
  channel: GrpcChannel.GrpcChannel,
  instance: string,
  options: Omit<Options, "url" | "rootCertificates">
): Effect.fn.Return<Robot["Service"], InvalidRequest, Scope.Scope> {
  const where = { provider, instance } as const
  const timeout = yield* Deadline.make(where, options.timeout)
  const renewAfter = yield* Arguments.renewAfter(where, options.renewAfter ?? DEFAULT_RENEW_AFTER)
  const clientName = options.clientName ?? ClientName.fromHost()
  yield* Arguments.client(where, clientName, options.serialNumber)
  const robot = yield* Conversation.make(channel, {
    ...where,
    clientName,
    timeout,
    serialNumber: options.serialNumber
  })
  const within = (call: CallOptions | undefined) => Deadline.make(where, call?.timeout, timeout)

  const signIn = Effect.fnUntraced(function* (
    proof: Conversation.Proof,
    account: string,
    call: CallOptions | undefined,
    session?: Session
  ): Effect.fn.Return<Session, SignInError> {
    const { serialNumber, token } = yield* robot.exchange(proof, session, yield* within(call))
    return new Session({
      key: new SessionKey({ provider, instance: serialNumber, account }),
      accessToken: token,
      issuedAt: yield* DateTime.now
    })
  })

  const auth = Effect.fnUntraced(function* (credentials: Credentials, call?: CallOptions) {
    yield* Arguments.credentials(where, credentials)
    return yield* signIn(credentials, credentials.username, call)
  }, traced("Robot.auth"))

  const authWithToken = Effect.fnUntraced(function* (
    given: Redacted.Redacted<string>,
    call: CallOptions & { readonly username: string }
  ) {
    yield* Arguments.username(where, call.username)
    const token = yield* Arguments.token(where, given)
    return yield* signIn({ token }, call.username, call)
  }, traced("Robot.authWithToken"))

  const refresh = Effect.fnUntraced(function* (session: Session, call?: CallOptions) {
    const token = yield* Arguments.token(where, session.accessToken)
    return yield* signIn({ token }, session.key.account, call, session)
  }, traced("Robot.refresh"))

  return {
    name: provider,
    instance,
    rotates: false,
    renewAfter: () => Option.some(renewAfter),
    longestPause: LONGEST_PAUSE,
    auth,
    authWithToken,
    refresh,
    logout: () => Effect.succeed("NotRevocable"),
    robotId: robot.askId(timeout).pipe(traced("Robot.robotId")),
    robotIdWith: Effect.fnUntraced(function* (session, call) {
      const token = yield* Arguments.token(where, session.accessToken)
      return yield* robot.askIdWith(session, token, yield* within(call))
    }, traced("Robot.robotIdWith")),
    authenticate: (choice) =>
      AtHand.signIn({
        where,
        held: Option.map(Option.fromUndefinedOr(choice?.held), (held) =>
          "key" in held
            ? refresh(held, choice)
            : authWithToken(held.token, { ...choice, username: held.username })
        ),
        prompt: Option.fromUndefinedOr(choice?.prompt),
        login: (credentials) => auth(credentials, choice)
      }).pipe(traced("Robot.authenticate")),
    call: Effect.fnUntraced(function* (session, service, input, call) {
      const token = yield* Arguments.token(where, session.accessToken)
      return yield* robot.call(session, token, service, input, yield* within(call))
    }, traced("Robot.call"))
  }
})

/** A span without a stack: capturing one costs a sixteenth of a sign-in, and the failures have their own. */
const traced =
  (name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withSpan(effect, name, { captureStackTrace: false })
