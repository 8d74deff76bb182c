/** Whether a request may go out, and as what. */
import { InvalidRequest } from "@latchkey/core/AuthError"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { CallOptions } from "../GrpcChannel.ts"
import type { Where } from "./outcome.ts"

export interface Limits {
  /** Milliseconds. */
  readonly timeout: number
  readonly maxMessageBytes: number
  /** Whether a token may travel there. */
  readonly isPrivate: boolean
}

/** What it takes to connect. */
export interface Dialling {
  /** `""` for none. */
  readonly authority: string
  /** Milliseconds. */
  readonly timeout: number
}

export interface Outgoing extends Dialling {
  readonly path: string
  readonly message: Uint8Array
  readonly token: string | undefined
}

/** Longer ones are sent to nobody: a header that the far end will not take breaks the connection for every call. */
const MAX_HEADER_BYTES = 16_384

/** Metadata is visible ASCII; the HTTP layer throws at anything else, or changes it. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

const AUTHORITY = /^[A-Za-z0-9._~:[\]-]+$/

const PATH = /^\/[\x21-\x7e]+\/[\x21-\x7e]+$/

/** A deadline on the wire has eight digits at most, of hours. */
const MAX_TIMEOUT_MILLIS = 99_999_999 * 3_600_000

const NOT_PRIVATE = "a token never travels without TLS, except through a Unix socket"

const refused = ({ instance, provider }: Where, field: string, message: string) =>
  new InvalidRequest({ provider, instance, field, message })

/** Milliseconds. */
export const timeoutOf = (where: Where, input: Duration.Input): number | InvalidRequest => {
  const millis = Option.match(Duration.fromInput(input), {
    onNone: () => Number.NaN,
    onSome: Duration.toMillis
  })
  if (!(millis > 0)) return refused(where, "timeout", "the timeout must be a duration, and longer than zero")
  return millis <= MAX_TIMEOUT_MILLIS ? millis : refused(where, "timeout", "the timeout must come to an end")
}

export const dialling = (
  where: Where,
  limits: Limits,
  authority: string | undefined,
  timeout: Duration.Input | undefined
): Dialling | InvalidRequest => {
  if (authority !== undefined && (!AUTHORITY.test(authority) || authority.length > MAX_HEADER_BYTES))
    return refused(where, "authority", "the authority must be a host name, with a port if need be")
  const millis = timeout === undefined ? limits.timeout : timeoutOf(where, timeout)
  return typeof millis === "number" ? { authority: authority ?? "", timeout: millis } : millis
}

const tokenOf = (
  where: Where,
  limits: Limits,
  redacted: Redacted.Redacted<string>
): string | InvalidRequest => {
  if (!limits.isPrivate) return refused(where, "token", NOT_PRIVATE)
  const token = Redacted.value(redacted)
  if (token.length > MAX_HEADER_BYTES)
    return refused(where, "token", "the token is longer than 16 KiB: is it a token?")
  return VISIBLE_ASCII.test(token)
    ? token
    : refused(where, "token", "the token is empty, or not all visible ASCII: sign in again")
}

export const outgoing = <I>(
  where: Where,
  limits: Limits,
  { encode, path }: { readonly path: string; readonly encode: (input: I) => Uint8Array },
  input: I,
  options: CallOptions = {}
): Outgoing | InvalidRequest => {
  if (!PATH.test(path) || path.length > MAX_HEADER_BYTES)
    return refused(where, "path", "the path of the method must look like /package.Service/Method")
  const to = dialling(where, limits, options.authority, options.timeout)
  if (to instanceof InvalidRequest) return to
  const token = options.token === undefined ? undefined : tokenOf(where, limits, options.token)
  if (token instanceof InvalidRequest) return token
  const message = encode(input)
  return message.length > limits.maxMessageBytes
    ? refused(where, "message", "the request is larger than the limit of the channel")
    : { ...to, path, message, token }
}
