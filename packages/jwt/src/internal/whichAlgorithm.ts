/** Which algorithms there are, and which keys each of them takes. */
import type { JWK } from "jose"
import type { Algorithm, AsymmetricAlgorithm, SymmetricAlgorithm } from "../JwtKey.ts"

/** A secret as long as the hash (RFC 7518, section 3.2). */
export const SECRET_BYTES: Readonly<Record<SymmetricAlgorithm, number>> = { HS256: 32, HS384: 48, HS512: 64 }

export const RSA_BITS = 2048

interface KeyType {
  readonly kty: "RSA" | "EC" | "OKP"
  readonly crv?: string
}

const RSA: KeyType = { kty: "RSA" }

const asymmetric: Readonly<Record<AsymmetricAlgorithm, KeyType>> = {
  RS256: RSA,
  RS384: RSA,
  RS512: RSA,
  PS256: RSA,
  PS384: RSA,
  PS512: RSA,
  ES256: { kty: "EC", crv: "P-256" },
  ES384: { kty: "EC", crv: "P-384" },
  ES512: { kty: "EC", crv: "P-521" },
  EdDSA: { kty: "OKP", crv: "Ed25519" }
}

export const isSymmetric = (algorithm: string): algorithm is SymmetricAlgorithm =>
  Object.hasOwn(SECRET_BYTES, algorithm)

export const isAsymmetric = (algorithm: string): algorithm is AsymmetricAlgorithm =>
  Object.hasOwn(asymmetric, algorithm)

export const isAlgorithm = (algorithm: string): algorithm is Algorithm =>
  isSymmetric(algorithm) || isAsymmetric(algorithm)

/** For signatures, as far as it says what it is for. */
const isForSignatures = ({ key_ops, use }: JWK): boolean =>
  (use === undefined || use === "sig") &&
  (key_ops === undefined || key_ops.some((operation) => operation === "verify" || operation === "sign"))

/**
 * The one algorithm of a public or private key: what it says itself, else what its curve leaves, else what is `expected`.
 * `undefined` where these differ, and for keys for something else.
 */
export const ofJwk = (jwk: JWK, expected: string | undefined): AsymmetricAlgorithm | undefined => {
  const { alg = expected, crv, kty } = jwk
  if (!isForSignatures(jwk)) return undefined
  const fits = (type: KeyType) => type.kty === kty && (type.crv === undefined || type.crv === crv)
  const named =
    alg ?? Object.entries(asymmetric).find(([, type]) => type.crv !== undefined && fits(type))?.[0]
  if (named === undefined || !isAsymmetric(named) || !fits(asymmetric[named])) return undefined
  return expected === undefined || expected === named ? named : undefined
}
