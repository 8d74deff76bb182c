/**
 * Keys that sign and verify tokens.
 *
 * A key belongs to one algorithm, and shows nothing of itself when printed. What could be mistaken for a key of another kind is
 * refused here, so that no token can choose how a key is used: a shared secret that is a public key, an RSA key for `HS256`.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { JWK } from "jose"
import * as ImportKey from "./internal/importKey.ts"
import type { Key } from "./internal/key.ts"

/**
 * Those of a shared secret.
 *
 * @category models
 * @since 0.1.0
 */
export type SymmetricAlgorithm = "HS256" | "HS384" | "HS512"

/**
 * Those of a private and a public key.
 *
 * @category models
 * @since 0.1.0
 */
export type AsymmetricAlgorithm =
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA"

/**
 * How a token may be signed. There is no `none`.
 *
 * @category models
 * @since 0.1.0
 */
export type Algorithm = SymmetricAlgorithm | AsymmetricAlgorithm

/**
 * A key for one algorithm: a shared secret signs and verifies, a private key signs, a public key verifies. Its `id` is the `kid`
 * of tokens.
 *
 * @category models
 * @since 0.1.0
 */
export type JwtKey = Key

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The `kid` of tokens that it signs. Default: none; for a JWK its own. */
  readonly id?: string
  /** Who the failures speak for. Default: `jwt`. */
  readonly where?: Where
}

/**
 * @category options
 * @since 0.1.0
 */
export interface SecretOptions extends Options {
  readonly algorithm: SymmetricAlgorithm
  /** The bytes of a text are its UTF-8: it is neither hex nor base64. */
  readonly secret: Redacted.Redacted<string> | Redacted.Redacted<Uint8Array>
  /**
   * Takes a secret of less than 32 bytes (`HS384`: 48, `HS512`: 64), which can be guessed from one token. For services
   * that leave no choice; an empty one is never taken.
   */
  readonly shortSecret?: "allowed"
}

/**
 * @category options
 * @since 0.1.0
 */
export interface PemOptions extends Options {
  readonly algorithm: AsymmetricAlgorithm
  /** `BEGIN PUBLIC KEY`, or `BEGIN PRIVATE KEY`, which must be redacted. */
  readonly pem: string | Redacted.Redacted<string>
}

/**
 * @category options
 * @since 0.1.0
 */
export interface JwkOptions extends Options {
  /** Default: what the key itself says, or its curve. An RSA key without `alg` needs it. */
  readonly algorithm?: AsymmetricAlgorithm
  /** A private one must be redacted. */
  readonly jwk: JWK | Redacted.Redacted<JWK>
}

const nowhere = { provider: "jwt", instance: "jwt" }

/**
 * A key that both sides share. Fails with `InvalidRequest` of `secret` for one that is empty, too short, or looks like a public
 * or private key, and of `algorithm` for one that takes no secret.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSecret = (options: SecretOptions): Effect.Effect<JwtKey, InvalidRequest> =>
  ImportKey.secret(options.where ?? nowhere, options)

/**
 * A key in PEM: SPKI or PKCS#8. Fails with `InvalidRequest` of `pem` for what is no such key, not for this algorithm, or an RSA key of
 * less than 2048 bits, and of `algorithm` for one of a shared secret.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromPem = (options: PemOptions): Effect.Effect<JwtKey, InvalidRequest> =>
  ImportKey.pem(options.where ?? nowhere, options)

/**
 * A public or private key in JWK. Fails with `InvalidRequest` of `jwk` for what is no such key, not for signatures, not for this
 * algorithm, or an RSA key of less than 2048 bits, and of `algorithm` for one of a shared secret.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJwk = (options: JwkOptions): Effect.Effect<JwtKey, InvalidRequest> =>
  ImportKey.jwk(options.where ?? nowhere, options)
