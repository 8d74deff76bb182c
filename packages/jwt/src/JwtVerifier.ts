/**
 * Verifies tokens that come again and again, and remembers which have passed.
 *
 * What passed is believed until it expires or its keys have changed; what failed is looked at anew each time. Tokens are not kept,
 * only their SHA-256.
 *
 * @since 0.1.0
 */
import type { InvalidRequest, InvalidToken } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Remembering from "./internal/remembering.ts"
import type { Verified, VerifyOptions } from "./Jwt.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface JwtVerifier<out E = never> {
  /**
   * As `Jwt.verify`. One verification is made for everybody who asks about the same token at the same time; whoever gives up
   * takes nothing from the others. What it gives is shared, and frozen.
   */
  readonly verify: (token: Redacted.Redacted<string>) => Effect.Effect<Verified, InvalidToken | E>
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options<out E = never> extends VerifyOptions<E> {
  /** How many tokens are remembered; one that was not seen for long goes first. Default: 1000. */
  readonly capacity?: number
}

/**
 * A verifier for tokens of one kind. Fails with `InvalidRequest` for options that make no sense.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E = never>(options: Options<E>): Effect.Effect<JwtVerifier<E>, InvalidRequest> =>
  Effect.suspend(() => Effect.fromResult(Remembering.make(options)))
