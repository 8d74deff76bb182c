/**
 * Signs people in to a Boston Dynamics Spot, over the robot's own gRPC service.
 *
 * A session is renewed by presenting its token, which yields another one; a robot cannot revoke. Nothing is repeated,
 * scheduled or kept here (but for the serial number): to stay signed in, hold the session in a `SessionRef`.
 *
 * @since 0.1.0
 */
import type { InvalidRequest, NotAuthenticated } from "@latchkey/core/AuthError"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import { GrpcChannel, type GrpcMethod } from "@latchkey/grpc"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Address from "./internal/address.ts"
import * as Arguments from "./internal/arguments.ts"
import * as AtHand from "./internal/atHand.ts"
import * as ClientName from "./internal/clientName.ts"
import * as Conversation from "./internal/conversation.ts"
import * as RootCertificates from "./internal/rootCertificates.ts"
import type { RobotId } from "./RobotId.ts"
import type {
  AuthenticateOptions,
  CallError,
  CallOptions,
  Credentials,
  SessionError,
  SignInError
} from "./SignIn.ts"

/**
 * Any other service of the robot. Its name in the directory is not enough: the directory also tells the authority.
 *
 * @category models
 * @since 0.1.0
 */
export interface RobotService<in I, out O> {
  /** Such as `api.spot.robot`. */
  readonly authority: string
  readonly method: GrpcMethod.GrpcMethod<I, O>
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** `https://host` or `https://host:port`; the port is 443 unless told. Any address will do: the certificate is checked against the name of the service. */
  readonly url: string
  /** PEM, one or several. Only these roots count. `Robot.rootCertificates` reads them from files. */
  readonly rootCertificates: string
  /** Where it is known: spares the client asking for it, and the check that it is still this robot. */
  readonly serialNumber?: string
  /** What the robot's log calls this program: up to 100 characters of ASCII. Default: `latchkey-<host name>:<process id>`. */
  readonly clientName?: string
  /** Of each call. Default: 30 s. */
  readonly timeout?: Duration.Input
  /** How long after a token was taken its renewal is due, whatever any clock says. Default: 1 h; a token lives for 12. */
  readonly renewAfter?: Duration.Input
  /** Whether `https_proxy` and its kin apply. Default: false. */
  readonly useProxyFromEnvironment?: boolean
}

/**
 * A robot, and a `Provider` of sessions on it. An account's key has the serial number for its instance: two robots
 * that come and go at one address never share a session.
 *
 * @category services
 * @since 0.1.0
 */
export class Robot extends Context.Service<
  Robot,
  {
    readonly name: "robot"
    readonly instance: string
    readonly rotates: false
    readonly renewAfter: (session: Session) => Option.Option<Duration.Duration>
    readonly longestPause: Duration.Duration
    /** Signs in. One call, after another that asks for the serial number where it is not known. */
    readonly auth: (credentials: Credentials, options?: CallOptions) => Effect.Effect<Session, SignInError>
    /** Exchanges a token for a fresh one. `username` is for the session's key: the robot does not tell. */
    readonly authWithToken: (
      token: Redacted.Redacted<string>,
      options: CallOptions & { readonly username: string }
    ) => Effect.Effect<Session, SignInError>
    /** Exchanges the session's token for a fresh one. */
    readonly refresh: (session: Session) => Effect.Effect<Session, SessionError<SignInError>>
    /** Does nothing: a robot has no such call, and its tokens stay good until they end. Forget the session. */
    readonly logout: (session: Session) => Effect.Effect<"NotRevocable">
    /** Asks the robot who it is. Needs no session. */
    readonly robotId: Effect.Effect<RobotId, CallError>
    /** The same with the session's token, for a robot whose proxy wants one. */
    readonly robotIdWith: (
      session: Session,
      options?: CallOptions
    ) => Effect.Effect<RobotId, SessionError<CallError>>
    /**
     * Signs in with what is at hand: a held token, from which only `InvalidToken` leads on; then
     * `BOSDYN_CLIENT_USERNAME` and `BOSDYN_CLIENT_PASSWORD` (from `Config`), whose refusal is final; then the prompt.
     * Fails with `NotAuthenticated` where there is none of them.
     */
    readonly authenticate: <E = never, R = never>(
      options?: AuthenticateOptions<E, R>
    ) => Effect.Effect<Session, SessionError<SignInError> | NotAuthenticated | E, R>
    /** One call of another service of the robot, with the session's token. */
    readonly call: <I, O>(
      session: Session,
      service: RobotService<I, O>,
      input: I,
      options?: CallOptions
    ) => Effect.Effect<O, SessionError<CallError>>
  }
>()("@latchkey/robot/Robot") {
  /** Fails with `InvalidRequest` for options that cannot work; makes no connection yet. */
  static readonly layer = (options: Options): Layer.Layer<Robot, InvalidRequest> =>
    Layer.effect(Robot, connect(options))

  /** The same options, each a `Config`. */
  static readonly layerConfig = (
    options: Config.Wrap<Options>
  ): Layer.Layer<Robot, InvalidRequest | Config.ConfigError> =>
    Layer.effect(Robot, Effect.flatMap(Config.unwrap(options), connect))

  /**
   * All PEM files that match a pattern, such as `/etc/spot/*.pem`. Fails with `InvalidRequest` when there is none, or
   * one that is not PEM.
   */
  static readonly rootCertificates = (
    pattern: string
  ): Effect.Effect<string, InvalidRequest, FileSystem.FileSystem> => RootCertificates.read(pattern)
}

const DEFAULT_TIMEOUT = Duration.seconds(30)

const DEFAULT_RENEW_AFTER = Duration.hours(1)

/** A token is good for hours after its renewal first failed, and a robot is often away (contract, section 2.8). */
const LONGEST_PAUSE = Duration.hours(1)

const provider = "robot"

/** The service over any channel. `instance` is what errors call the robot until its serial number is known. */
export const make = Effect.fnUntraced(function* (
  channel: GrpcChannel.GrpcChannel,
  instance: string,
  options: Omit<Options, "url" | "rootCertificates">
): Effect.fn.Return<Robot["Service"], InvalidRequest, Scope.Scope> {
  const where = { provider, instance } as const
  const timeout = Duration.fromInputUnsafe(options.timeout ?? DEFAULT_TIMEOUT)
  const renewAfter = Option.some(Duration.fromInputUnsafe(options.renewAfter ?? DEFAULT_RENEW_AFTER))
  const clientName = options.clientName ?? ClientName.fromHost()
  yield* Arguments.client(where, clientName, options.serialNumber)
  const robot = yield* Conversation.make(channel, {
    ...where,
    clientName,
    timeout,
    serialNumber: options.serialNumber
  })
  const within = (call: CallOptions | undefined): Duration.Duration =>
    call?.timeout === undefined ? timeout : Duration.fromInputUnsafe(call.timeout)

  const signIn = Effect.fnUntraced(function* <E>(
    who: Effect.Effect<string, E>,
    proof: Conversation.Proof,
    account: string,
    call?: CallOptions
  ): Effect.fn.Return<Session, SignInError | E> {
    const { serialNumber, token } = yield* robot.exchange(who, proof, within(call))
    return new Session({
      key: new SessionKey({ provider, instance: serialNumber, account }),
      accessToken: token,
      issuedAt: yield* DateTime.now
    })
  })

  const auth = Effect.fn("Robot.auth")(function* (credentials: Credentials, call?: CallOptions) {
    yield* Arguments.credentials(where, credentials)
    return yield* signIn(robot.whoAnswers(within(call)), credentials, credentials.username, call)
  })

  const authWithToken = Effect.fn("Robot.authWithToken")(function* (
    given: Redacted.Redacted<string>,
    call: CallOptions & { readonly username: string }
  ) {
    yield* Arguments.username(where, call.username)
    const token = yield* Arguments.token(where, given)
    return yield* signIn(robot.whoAnswers(within(call)), { token }, call.username, call)
  })

  const refresh = Effect.fn("Robot.refresh")(function* (session: Session, call?: CallOptions) {
    const token = yield* Arguments.token(where, session.accessToken)
    return yield* signIn(robot.ownerOf(session, within(call)), { token }, session.key.account, call)
  })

  return {
    name: provider,
    instance,
    rotates: false,
    renewAfter: () => renewAfter,
    longestPause: LONGEST_PAUSE,
    auth,
    authWithToken,
    refresh,
    logout: () => Effect.succeed("NotRevocable"),
    robotId: Effect.withSpan(robot.askId(timeout), "Robot.robotId"),
    robotIdWith: Effect.fn("Robot.robotIdWith")(function* (session, call) {
      const token = yield* Arguments.token(where, session.accessToken)
      yield* robot.ownerOf(session, within(call))
      return yield* robot.askIdWith(token, within(call))
    }),
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
      }).pipe(Effect.withSpan("Robot.authenticate")),
    call: Effect.fn("Robot.call")(function* (session, service, input, call) {
      const token = yield* Arguments.token(where, session.accessToken)
      yield* robot.ownerOf(session, within(call))
      return yield* robot.call(service, input, token, within(call))
    })
  }
})

const connect = Effect.fnUntraced(function* (options: Options) {
  const instance = Address.display(options.url)
  const address = yield* Arguments.target({ provider, instance }, options.url, options.rootCertificates)
  const channel = yield* GrpcChannel.make({
    provider,
    instance,
    target: { _tag: "Tls", ...address, rootCertificates: options.rootCertificates },
    useProxyFromEnvironment: options.useProxyFromEnvironment ?? false
  })
  return yield* make(channel, instance, options)
})
