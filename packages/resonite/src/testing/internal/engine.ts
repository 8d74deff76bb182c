/** What a simulated game does with a call, and in which words it refuses (contract, section 2.3). */
import { GrpcStatus } from "@latchkey/grpc"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { AuthLoginRequest, AuthStatus } from "../../gen/resonite_io/v1/auth.ts"
import type { Account, Cloud } from "../Game.ts"

interface SignedIn {
  readonly account: Account
  readonly expires: bigint
  readonly isRemembered: boolean
}

export interface Engine {
  readonly accounts: Array<Account>
  isStarting: boolean
  isBridgeMissing: boolean
  cloud: Cloud
  /** Of the sessions to come; none: a week from the login. */
  expires: Option.Option<bigint>
  /** Each answers bytes, or is refused. `now` is in milliseconds. */
  readonly login: (message: Uint8Array, now: number) => Uint8Array | GrpcStatus.GrpcStatus
  readonly logout: () => Uint8Array | GrpcStatus.GrpcStatus
  readonly status: () => Uint8Array | GrpcStatus.GrpcStatus
  /** What the player does in the game. */
  readonly become: (account: Account | undefined, now: number) => void
  readonly setExpires: (nanos: bigint) => void
  /** Of a game that ends, only a session that is remembered is there in the next one. */
  readonly restart: () => void
}

/** What the cloud answers to a wrong password here. What the real one answers is not known. */
const REFUSAL = 403

const WEEK_NANOS = 7n * 86_400n * 1_000_000_000n

const refused = (code: number, details: string) => new GrpcStatus.GrpcStatus({ code, details })

const failed = (http?: number) =>
  refused(16, http === undefined ? "Login failed." : `Login failed (HTTP ${http}).`)

const parsed = (message: Uint8Array): AuthLoginRequest | undefined => {
  try {
    return AuthLoginRequest.decode(message)
  } catch {
    return undefined
  }
}

export const make = (accounts: Array<Account>): Engine => {
  let session: SignedIn | undefined

  const current = (): Uint8Array =>
    AuthStatus.encode({
      loggedIn: session !== undefined,
      userId: session?.account.userId ?? "",
      userName: session?.account.userName ?? "",
      sessionExpiresUnixNanos: session?.expires ?? 0n
    }).finish()

  const open = (account: Account, now: number, isRemembered: boolean): void => {
    const expires = Option.getOrElse(engine.expires, () => BigInt(Math.floor(now)) * 1_000_000n + WEEK_NANOS)
    session = { account, expires, isRemembered }
  }

  /** What comes before anything else: a game that cannot. */
  const unable = (): GrpcStatus.GrpcStatus | undefined =>
    engine.isBridgeMissing
      ? refused(14, "Auth bridge is not configured.")
      : engine.isStarting
        ? refused(9, "Cloud session manager is not ready.")
        : undefined

  const engine: Engine = {
    accounts,
    isStarting: false,
    isBridgeMissing: false,
    cloud: "Up",
    expires: Option.none(),
    login: (message, now) => {
      const no = unable()
      if (no !== undefined) return no
      const request = parsed(message)
      if (request === undefined) return refused(13, "the request cannot be parsed")
      const { credential, password, rememberMe, totp = "" } = request
      if (engine.cloud !== "Up") return engine.cloud === "Down" ? failed() : failed(engine.cloud.http)
      const account = accounts.find(
        ({ email, userId, userName }) =>
          userName === credential || email === credential || userId === credential
      )
      if (account === undefined || Redacted.value(account.password) !== password) return failed(REFUSAL)
      if (account.totp !== undefined && Redacted.value(account.totp) !== totp) {
        return totp === ""
          ? refused(9, "Two-factor authentication code is required.")
          : refused(16, "Two-factor authentication code was rejected.")
      }
      open(account, now, rememberMe)
      return current()
    },
    logout: () => {
      const no = unable()
      if (no !== undefined) return no
      session = undefined
      return current()
    },
    // Lenient: a game that is starting is logged out.
    status: () =>
      engine.isBridgeMissing
        ? refused(14, "Auth bridge is not configured.")
        : engine.isStarting
          ? new Uint8Array()
          : current(),
    become: (account, now) => {
      session = undefined
      if (account !== undefined) open(account, now, true)
    },
    setExpires: (nanos) => {
      engine.expires = Option.some(nanos)
      if (session !== undefined) session = { ...session, expires: nanos }
    },
    restart: () => {
      if (session?.isRemembered === false) session = undefined
    }
  }
  return engine
}
