/**
 * A provider in memory: the smallest service that a session can come from.
 *
 * For tests of what keeps sessions alive. Time comes from the clock, so a test moves it; no I/O.
 *
 * @since 0.1.0
 */
import { SessionKey } from "@latchkey/core/SessionKey"
import { InvalidToken, type ProviderError } from "@latchkey/core/AuthError"
import type { Provider } from "@latchkey/core/Provider"
import { Session } from "@latchkey/core/Session"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly account?: string
  /** The life of a token; `undefined` for one without a known end. Default: one hour. */
  readonly life?: Duration.Input | undefined
  /** Whether a renewal spends the token, and a spent one coming back ends the whole family. Default: true. */
  readonly rotates?: boolean
  /** How long a renewal takes; the tokens change half way. Default: nothing. */
  readonly latency?: Duration.Input
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TestProvider extends Provider<ProviderError, ProviderError> {
  readonly key: SessionKey
  /** Signs in: a new family of tokens. */
  readonly login: Effect.Effect<Session>
  /** Whether the service would still accept the session's token, its end left aside. */
  readonly accepts: (session: Session) => boolean
  /** The tokens that the service would accept. */
  readonly goodTokens: () => ReadonlyArray<string>
  /** What the next renewals answer, first come first served; afterwards they succeed. They fail before any change. */
  readonly failNext: (...errors: ReadonlyArray<ProviderError | InvalidToken>) => void
  /** Ends every token. */
  readonly revokeAll: () => void
  readonly seen: {
    /** Renewals that were asked for. */
    renewals: number
    /** Tokens that came back after they were spent. */
    reuses: number
    readonly logouts: Array<string>
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): TestProvider => {
  const { account = "ada", rotates = true } = options
  const halfTheWay = Duration.times(Duration.fromInputUnsafe(options.latency ?? 0), 0.5)
  const life = "life" in options ? options.life : Duration.hours(1)
  const where = { provider: "test", instance: "memory" }
  const key = new SessionKey({ ...where, account })
  const script: Array<ProviderError | InvalidToken> = []
  const seen: TestProvider["seen"] = { renewals: 0, reuses: 0, logouts: [] }
  const good = new Set<string>()
  let minted = 0

  const onTheWay = Duration.isZero(halfTheWay) ? Effect.void : Effect.sleep(halfTheWay)

  const mint = Effect.map(DateTime.now, (issuedAt) => {
    const token = `token-${++minted}`
    good.add(token)
    return new Session({
      key,
      accessToken: Redacted.make(token),
      issuedAt,
      ...(life !== undefined && { expiresAt: DateTime.addDuration(issuedAt, life) })
    })
  })

  const refresh = Effect.fnUntraced(function* (session: Session) {
    seen.renewals++
    const scripted = script.shift()
    yield* onTheWay
    if (scripted !== undefined) return yield* scripted
    const token = read(session)
    if (!good.has(token)) {
      if (rotates) {
        seen.reuses++
        good.clear()
      }
      return yield* new InvalidToken({ ...where, message: "the token is not good: sign in again" })
    }
    if (rotates) good.delete(token)
    const renewed = yield* mint
    yield* onTheWay
    return renewed
  })

  return {
    name: where.provider,
    instance: where.instance,
    rotates,
    key,
    seen,
    login: mint,
    refresh,
    accepts: (session) => good.has(read(session)),
    goodTokens: () => [...good],
    failNext: (...errors) => void script.push(...errors),
    revokeAll: () => good.clear(),
    logout: (session) =>
      Effect.sync(() => {
        seen.logouts.push(read(session))
        good.delete(read(session))
        return "Revoked"
      })
  }
}

const read = ({ accessToken }: Session) => (accessToken === undefined ? "" : Redacted.value(accessToken))
