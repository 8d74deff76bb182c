/**
 * Signs people in to a Boston Dynamics Spot, over the robot's own gRPC service.
 *
 * A session is renewed by presenting its token, which yields another one; a robot cannot revoke. Nothing is repeated,
 * scheduled or kept here (but for the serial number): to stay signed in, hold the session in a `SessionRef`.
 *
 * An address is not a robot, and each service has a connection of its own. Before a password or a token goes out, the
 * client makes sure that the connection it goes out on leads to the robot it is for: it connects, connects anew to the
 * service that knows the serial number, and asks. The answer holds until a connection is made or lost. What remains: a
 * robot that takes the address and gives it back between the making of the two connections, or that takes over in the
 * instant in which a connection is lost that was just looked at. What it gets is encrypted for a robot with a certificate
 * of the same root.
 *
 * @since 0.1.0
 */
import type { InvalidRequest, NotAuthenticated } from "@latchkey/core/AuthError"
import type { Session } from "@latchkey/core/Session"
import { GrpcChannel, type GrpcMethod } from "@latchkey/grpc"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Address from "./internal/address.ts"
import * as Arguments from "./internal/arguments.ts"
import * as Operations from "./internal/operations.ts"
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
  /** Only this robot: to any other one at the address goes no password and no token. Default: whichever is there. */
  readonly serialNumber?: string
  /** What the robot's log calls this program: up to 100 characters of ASCII. Default: `latchkey-<host name>:<process id>`. */
  readonly clientName?: string
  /** Of each call; more than 0, and with an end. Default: 30 s. */
  readonly timeout?: Duration.Input
  /** How long after a token was taken its renewal is due, whatever any clock says; more than 0, `Infinity` for never. Default: 1 h; a token lives for 12. */
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
    /** Signs in. One call, after another that asks for the serial number where it is not known, or in doubt. */
    readonly auth: (credentials: Credentials, options?: CallOptions) => Effect.Effect<Session, SignInError>
    /** Exchanges a token for a fresh one. `username` is for the session's key: the robot does not tell. */
    readonly authWithToken: (
      token: Redacted.Redacted<string>,
      options: CallOptions & { readonly username: string }
    ) => Effect.Effect<Session, SignInError>
    /** Exchanges the session's token for a fresh one. */
    readonly refresh: (session: Session) => Effect.Effect<Session, SignInError>
    /** Does nothing: a robot has no such call, and its tokens stay good until they end. Forget the session. */
    readonly logout: (session: Session) => Effect.Effect<"NotRevocable">
    /** Asks whichever robot is there who it is. Needs no session. */
    readonly robotId: Effect.Effect<RobotId, CallError>
    /** The same of the session's robot, with its token. */
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
    ) => Effect.Effect<Session, SignInError | NotAuthenticated | E, R>
    /**
     * One call of another service of the robot, with the session's token. Failures hold nothing of what the robot wrote
     * about it, because it may repeat what the call said.
     */
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

const provider = "robot"

const connect = Effect.fnUntraced(function* (options: Options) {
  const instance = Address.display(options.url)
  const address = yield* Arguments.target({ provider, instance }, options.url)
  const channel = yield* GrpcChannel.make({
    provider,
    instance,
    target: { _tag: "Tls", ...address, rootCertificates: options.rootCertificates },
    useProxyFromEnvironment: options.useProxyFromEnvironment ?? false
  })
  return yield* Operations.make(channel, instance, options)
})
