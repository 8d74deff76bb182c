/** Whether a request may go out, and as what. */
import { InvalidRequest } from "@latchkey/core/AuthError"
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import type { CallOptions } from "../GrpcChannel.ts"
import type { Where } from "./outcome.ts"

export interface Limits {
  readonly timeout: Duration.Duration
  readonly maxMessageBytes: number
  /** Whether a token may travel there. */
  readonly isPrivate: boolean
}

export interface Outgoing {
  readonly message: Uint8Array
  /** `""` for none. */
  readonly authority: string
  readonly token: string | undefined
  /** Milliseconds. */
  readonly timeout: number
}

/** Metadata is visible ASCII; the HTTP layer throws at anything else, or changes it. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

const AUTHORITY = /^[A-Za-z0-9._~:[\]-]+$/

const NOT_PRIVATE = "a token never travels without TLS, except through a Unix socket"

export const outgoing = (
  { instance, provider }: Where,
  limits: Limits,
  message: Uint8Array,
  options: CallOptions | undefined
): Outgoing | InvalidRequest => {
  const refused = (field: string, text: string) =>
    new InvalidRequest({ provider, instance, field, message: text })
  const authority = options?.authority
  if (authority !== undefined && !AUTHORITY.test(authority))
    return refused("authority", "the authority cannot be one")
  let token: string | undefined
  if (options?.token !== undefined) {
    if (!limits.isPrivate) return refused("token", NOT_PRIVATE)
    token = Redacted.value(options.token)
    if (!VISIBLE_ASCII.test(token))
      return refused("token", "the token is empty, or not all visible ASCII: sign in again")
  }
  if (message.length > limits.maxMessageBytes)
    return refused("message", "the request is larger than the limit of the channel")
  const timeout = options?.timeout === undefined ? limits.timeout : Duration.fromInputUnsafe(options.timeout)
  return { message, authority: authority ?? "", token, timeout: Duration.toMillis(timeout) }
}
