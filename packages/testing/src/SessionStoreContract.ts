/**
 * What a session store must promise, as tests: whoever passes them is a `SessionStore`.
 *
 * Call `suite` once per backing. What a backing cannot hold it declares in `lacks`; the suite then proves, instead of
 * the promise, that such a session is refused as `NotRepresentable` and that nothing was written.
 *
 * @since 0.1.0
 */
import { SessionKey } from "@latchkey/core/SessionKey"
import type { SessionStore } from "@latchkey/core/SessionStore"
import { describe } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { durability } from "./internal/contract/durability.ts"
import { entries } from "./internal/contract/entries.ts"
import { fences } from "./internal/contract/fences.ts"
import { leases } from "./internal/contract/leases.ts"
import { marks } from "./internal/contract/marks.ts"
import { model } from "./internal/contract/model.ts"
import { order } from "./internal/contract/order.ts"
import { representation } from "./internal/contract/representation.ts"
import * as Samples from "./internal/contract/samples.ts"
import { versions } from "./internal/contract/versions.ts"

/**
 * What a backing cannot do.
 *
 * - `order`: entries come in an order of its own instead of that in which their keys were first put
 * - `durability`: a second store on the same place sees nothing of the first
 * - `anyProvider`: it holds the sessions of one provider only, and no odd characters in keys
 * - `nul`: it has no place for a key with a NUL character in it
 * - `refreshToken`, `expiry`, `end`, `account`, `tokenType`: it has no place for that part of a session
 * - `noAccessToken`, `noExpiry`: it has no place for a session without that part
 *
 * @category models
 * @since 0.1.0
 */
export type Lack =
  | "order"
  | "durability"
  | "anyProvider"
  | "nul"
  | "refreshToken"
  | "expiry"
  | "end"
  | "account"
  | "tokenType"
  | "noAccessToken"
  | "noExpiry"

/**
 * @category models
 * @since 0.1.0
 */
export interface Features {
  /** Default: none. */
  readonly lacks?: ReadonlyArray<Lack>
  /** The keys to test with, for a backing that is particular about them: a different one for each `n` from 0 to 9. */
  readonly key?: (n: number) => SessionKey
  /** Lets time pass for the store. Default: the test clock. A store on a server's clock really waits. */
  readonly passTime?: (duration: Duration.Duration) => Effect.Effect<void>
  /** The life of the leases in the tests, in milliseconds. Default 10 s; choose it small where time really passes. */
  readonly ttl?: number
}

/**
 * A store on a place of its own: a Layer, or an Effect that makes the place (and removes it when its scope ends) and
 * tells the Layer. The Effect runs once per test; its Layer is built once for every process that the test pretends to
 * be, on the same place.
 *
 * @category models
 * @since 0.1.0
 */
export type Place<E> =
  | Layer.Layer<SessionStore, E>
  | Effect.Effect<Layer.Layer<SessionStore, E>, unknown, Scope.Scope>

/**
 * Registers the tests; the name of each starts with `name`.
 *
 * @category suites
 * @since 0.1.0
 */
export const suite = <E>(name: string, place: Place<E>, features: Features = {}): void => {
  const lacks = (lack: Lack) => features.lacks?.includes(lack) ?? false
  const backing: Samples.Backing = {
    lacks,
    open: Effect.isEffect(place) ? Effect.map(Effect.orDie(place), opener) : Effect.succeed(opener(place)),
    key:
      features.key ?? ((n) => new SessionKey({ provider: "acme", instance: `i${n % 2}`, account: `a${n}` })),
    passTime: (millis) => (features.passTime ?? TestClock.adjust)(Duration.millis(millis)),
    ttl: features.ttl ?? 10_000,
    exact: features.passTime === undefined
  }
  describe(`${name} is a SessionStore`, () => {
    entries(backing)
    if (!lacks("order")) order(backing)
    representation(backing)
    versions(backing)
    leases(backing)
    fences(backing)
    marks(backing)
    if (!lacks("durability")) durability(backing)
    model(backing)
  })
}

/** Built anew each time it is asked for, not shared as the same Layer otherwise would be. */
const opener = <E>(layer: Layer.Layer<SessionStore, E>): Samples.Open =>
  Effect.orDie(Effect.map(Layer.build(Layer.fresh(layer)), Samples.storeOf))
