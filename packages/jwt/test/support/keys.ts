/** A pair of every kind, made once. */
import { Effect, Redacted } from "effect"
import { generateKeyPairSync, type KeyObject } from "node:crypto"
import { JwtKey } from "../../src/index.ts"

export const text = "0123456789abcdef".repeat(4)

export const secret = Redacted.make(text)

export const hs256 = JwtKey.fromSecret({ algorithm: "HS256", secret })

interface Pair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 })

const curve = (namedCurve: string): Pair => generateKeyPairSync("ec", { namedCurve })

const pairs: Readonly<Record<JwtKey.AsymmetricAlgorithm, Pair>> = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  ES256: curve("P-256"),
  ES384: curve("P-384"),
  ES512: curve("P-521"),
  EdDSA: generateKeyPairSync("ed25519")
}

export const symmetric = ["HS256", "HS384", "HS512"] as const

export const asymmetric = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA"
] as const

export const all = [...symmetric, ...asymmetric] as const

export const spki = (key: KeyObject): string => key.export({ format: "pem", type: "spki" }).toString()

export const pkcs8 = (key: KeyObject): Redacted.Redacted<string> =>
  Redacted.make(key.export({ format: "pem", type: "pkcs8" }).toString())

export const pair = (algorithm: JwtKey.AsymmetricAlgorithm): Pair => pairs[algorithm]

/** What signs, and what verifies. */
export const both = (algorithm: JwtKey.Algorithm, id?: string) => {
  const options = id === undefined ? {} : { id }
  if (algorithm === "HS256" || algorithm === "HS384" || algorithm === "HS512") {
    const key = JwtKey.fromSecret({ ...options, algorithm, secret })
    return Effect.all([key, key])
  }
  const { privateKey, publicKey } = pair(algorithm)
  return Effect.all([
    JwtKey.fromPem({ ...options, algorithm, pem: pkcs8(privateKey) }),
    JwtKey.fromPem({ ...options, algorithm, pem: spki(publicKey) })
  ])
}
