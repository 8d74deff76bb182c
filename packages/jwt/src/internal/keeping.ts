/** When keys are fetched, and for how long they are good. */
import { type InvalidRequest, TransportError } from "@latchkey/core/AuthError"
import * as HttpExchange from "@latchkey/core/HttpExchange"
import { Closed } from "@latchkey/core/TransportError"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberHandle from "effect/FiberHandle"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Header } from "../Jwt.ts"
import type { JwksCache, JwksError, Options } from "../JwksCache.ts"
import type * as KeySource from "../KeySource.ts"
import * as KeySet from "./keySet.ts"
import * as WhereTheKeysAre from "./whereTheKeysAre.ts"
import { candidates } from "./whoSigned.ts"

/** After a failure; twice as long after each further one, up to the cool-down. */
const FIRST_PAUSE = 1000

const NEVER = Number.NEGATIVE_INFINITY

interface State extends KeySource.KeySet {
  readonly known: KeySet.Keys
  /** When the keys came, in milliseconds since 1970. */
  readonly fetchedAt: number
  /** Since the keys came. */
  readonly failures: number
  readonly failure: JwksError | undefined
  readonly failedAt: number
}

const nothing: State = {
  keys: [],
  known: new Map(),
  version: 0,
  fetchedAt: NEVER,
  failures: 0,
  failure: undefined,
  failedAt: NEVER
}

/** A clock that was set back makes no time pass. */
const isWithin = (now: number, since: number, millis: number): boolean => now >= since && now - since < millis

/** The key that the token names; one without a name will not do: it may be the old one. */
const isKnown = ({ keys }: State, header: Header): boolean =>
  candidates(header, keys).some((key) => header.kid === undefined || key.id === header.kid)

export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<JwksCache, InvalidRequest, HttpClient.HttpClient | Scope.Scope> {
  const settings = yield* Effect.fromResult(WhereTheKeysAre.make(options))
  const { cooldown, grace, maxAge, maxBytes, timeout, url, where } = settings
  const exchange = yield* HttpExchange.make(where)
  /** The one fetch under way, if there is one; it ends with the scope. */
  const handle = yield* FiberHandle.make<void, never>()
  const closed = TransportError.because(where, new Closed({ message: "the scope of the keys has ended" }))
  const request = HttpClientRequest.get(url).pipe(
    HttpClientRequest.setHeader("accept", "application/jwk-set+json, application/json")
  )
  let state = nothing
  /** When an unknown key last caused a fetch. */
  let searchedAt = NEVER

  const fetched = exchange(
    request,
    (answer) => {
      const refusal = KeySet.refusal(where, answer)
      return refusal === undefined ? answer.text : Effect.fail(refusal)
    },
    { maxBytes }
  ).pipe(
    Effect.flatMap((text) => KeySet.read(where, text, options.rsaAlgorithm ?? "RS256", state.known)),
    Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(HttpExchange.timedOut(where)) })
  )

  const isGone = (known: KeySet.Keys): boolean => [...state.known.keys()].some((name) => !known.has(name))

  const fetch: Effect.Effect<void> = Effect.flatMap(Effect.result(fetched), (result) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      if (Result.isFailure(result)) {
        state = { ...state, failures: state.failures + 1, failure: result.failure, failedAt: now }
        return
      }
      const known = result.success
      const version = isGone(known) ? state.version + 1 : state.version
      state = { ...nothing, keys: [...known.values()], known, version, fetchedAt: now }
    })
  )

  const isUnderWay = (): boolean => Option.isSome(FiberHandle.getUnsafe(handle))

  /** One for everybody; whoever gives up does not end it. No effect: between a look and a start no other fiber may run. */
  const started = (context: Context.Context<never>): Fiber.Fiber<void> =>
    Option.getOrElse(FiberHandle.getUnsafe(handle), () => {
      const fiber = Effect.runForkWith(context)(fetch)
      FiberHandle.setUnsafe(handle, fiber)
      return fiber
    })

  const ended = (fiber: Fiber.Fiber<void>): Effect.Effect<void, TransportError> =>
    Effect.flatMap(Fiber.await(fiber), (exit) => (Exit.hasInterrupts(exit) ? Effect.fail(closed) : exit))

  const isPaused = (now: number): boolean =>
    isWithin(now, state.failedAt, Math.min(FIRST_PAUSE * 2 ** (state.failures - 1), cooldown))

  const isGraced = (now: number, header: Header): boolean =>
    state.failure !== undefined && isWithin(now, state.fetchedAt, maxAge + grace) && isKnown(state, header)

  /** What is known without another fetch. Of a key that is not there, while the issuer is away, nobody knows whether it is new. */
  const settled = (header: Header, now: number): Effect.Effect<KeySource.KeySet, JwksError> =>
    state.failure === undefined || isGraced(now, header) ? Effect.succeed(state) : Effect.fail(state.failure)

  const keysFor = (header: Header): Effect.Effect<KeySource.KeySet, JwksError> =>
    Effect.withFiber((fiber) => {
      const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      const isFresh = isWithin(now, state.fetchedAt, maxAge)
      if (isFresh && isKnown(state, header)) return Effect.succeed(state)
      const isSearching = isFresh && !isUnderWay()
      if (isPaused(now) || (isSearching && isWithin(now, searchedAt, cooldown))) return settled(header, now)
      if (isSearching) searchedAt = now
      const flight = started(fiber.context)
      // The issuer is known to be away: nobody waits for it who can do without.
      if (isGraced(now, header)) return Effect.succeed(state)
      return Effect.andThen(
        ended(flight),
        Effect.flatMap(Clock.currentTimeMillis, (then) => settled(header, then))
      )
    })

  return {
    instance: where.instance,
    keysFor,
    refresh: Effect.flatMap(
      Effect.withFiber(({ context }) => ended(started(context))),
      () => (state.failure === undefined ? Effect.void : Effect.fail(state.failure))
    ),
    isCurrent: (version, now) =>
      version === state.version &&
      (isWithin(now, state.fetchedAt, maxAge) ||
        (isPaused(now) && isWithin(now, state.fetchedAt, maxAge + grace)))
  }
})
