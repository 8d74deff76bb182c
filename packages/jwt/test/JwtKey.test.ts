import { assert, describe, it } from "@effect/vitest"
import type { InvalidRequest } from "@latchkey/core"
import { Effect, Formatter, Redacted } from "effect"
import { generateKeyPairSync, randomBytes } from "node:crypto"
import { inspect } from "node:util"
import { fails } from "../../../test/support/fails.ts"
import { JwtKey } from "../src/index.ts"
import * as Keys from "./support/keys.ts"

const weak = generateKeyPairSync("rsa", { modulusLength: 1024 })

const secretOf = (text: string | Uint8Array, options: Partial<JwtKey.SecretOptions> = {}) =>
  JwtKey.fromSecret({
    algorithm: "HS256",
    secret: typeof text === "string" ? Redacted.make(text) : Redacted.make(text),
    ...options
  })

const refused = <A>(field: string, key: Effect.Effect<A, InvalidRequest>) =>
  Effect.map(fails("InvalidRequest", key), (error) => assert.strictEqual(error.field, field))

const jwkOf = (algorithm: JwtKey.AsymmetricAlgorithm) =>
  Keys.pair(algorithm).publicKey.export({ format: "jwk" })

/** What does not compile, as JavaScript would write it. */
const untyped = <A extends object>(options: A, instead: object): A => Object.assign({}, options, instead)

describe("S13", () => {
  it.effect("S13: a public or private key is no shared secret", () =>
    Effect.gen(function* () {
      const { privateKey, publicKey } = Keys.pair("RS256")
      for (const text of [
        Keys.spki(publicKey),
        Redacted.value(Keys.pkcs8(privateKey)),
        `\n${publicKey.export({ format: "pem", type: "pkcs1" }).toString()}`,
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        `ssh-rsa ${"A".repeat(100)}`,
        JSON.stringify(publicKey.export({ format: "jwk" }))
      ]) {
        yield* refused("secret", secretOf(text))
        yield* refused("secret", secretOf(new Uint8Array(Buffer.from(text))))
      }
    })
  )

  for (const algorithm of ["RS256", "ES256", "ES384", "ES512", "EdDSA"] as const) {
    it.effect(
      `S13: a key for ${algorithm} is no shared secret in DER either, nor in PEM without its frame`,
      () =>
        Effect.gen(function* () {
          const { privateKey, publicKey } = Keys.pair(algorithm)
          for (const der of [
            publicKey.export({ format: "der", type: "spki" }),
            privateKey.export({ format: "der", type: "pkcs8" }),
            ...(algorithm === "RS256"
              ? [
                  publicKey.export({ format: "der", type: "pkcs1" }),
                  privateKey.export({ format: "der", type: "pkcs1" })
                ]
              : [])
          ]) {
            yield* refused("secret", secretOf(new Uint8Array(der)))
            yield* refused("secret", secretOf(der.toString("base64")))
            yield* refused("secret", secretOf(`${der.toString("base64").replace(/.{64}/g, "$&\n")}\n`))
          }
        })
    )
  }

  it.effect("S13: what is only random is a shared secret", () =>
    Effect.gen(function* () {
      for (let turn = 0; turn < 500; turn++) {
        const bytes = randomBytes(64)
        bytes[0] = 0x30
        yield* secretOf(new Uint8Array(bytes))
        yield* secretOf(bytes.toString("base64"))
        yield* secretOf(bytes.toString("hex"))
      }
    })
  )

  it.effect("S13: a shared secret is for no other algorithm, and other keys are for no HS", () =>
    Effect.gen(function* () {
      for (const algorithm of ["RS256", "none", "HS1", "toString"]) {
        const options = untyped({ algorithm: "HS256" as const, secret: Keys.secret }, { algorithm })
        yield* refused("algorithm", JwtKey.fromSecret(options))
      }
      const pem = Keys.spki(Keys.pair("RS256").publicKey)
      for (const algorithm of ["HS256", "none", "toString"]) {
        yield* refused(
          "algorithm",
          JwtKey.fromPem(untyped({ algorithm: "RS256" as const, pem }, { algorithm }))
        )
        const jwk = untyped({ algorithm: "RS256" as const, jwk: jwkOf("RS256") }, { algorithm })
        yield* refused("algorithm", JwtKey.fromJwk(jwk))
        const itself = { jwk: { ...jwkOf("RS256"), alg: algorithm } }
        yield* refused("jwk", JwtKey.fromJwk(itself))
      }
      yield* refused("jwk", JwtKey.fromJwk({ jwk: { kty: "oct", k: "A".repeat(43) } }))
      yield* refused(
        "jwk",
        JwtKey.fromJwk({ algorithm: "RS256", jwk: { kty: "oct", k: "A".repeat(43), alg: "HS256" } })
      )
    })
  )

  it.effect("S13: a key is for one algorithm, of its own kind and curve", () =>
    Effect.gen(function* () {
      for (const has of ["RS256", "ES256", "ES384", "ES512", "EdDSA"] as const) {
        for (const wants of Keys.asymmetric) {
          const isSame = has === wants || (has === "RS256" && /^[RP]S/.test(wants))
          const { privateKey, publicKey } = Keys.pair(has)
          const options = { algorithm: wants }
          const built = [
            ["pem", JwtKey.fromPem({ ...options, pem: Keys.spki(publicKey) })],
            ["pem", JwtKey.fromPem({ ...options, pem: Keys.pkcs8(privateKey) })],
            ["jwk", JwtKey.fromJwk({ ...options, jwk: publicKey.export({ format: "jwk" }) })],
            ["jwk", JwtKey.fromJwk({ ...options, jwk: Redacted.make(privateKey.export({ format: "jwk" })) })]
          ] as const
          for (const [field, key] of built) {
            if (isSame) assert.strictEqual((yield* key).algorithm, wants)
            else yield* refused(field, key)
          }
        }
      }
    })
  )

  it.effect("S13: a JWK for encryption, or one that says another algorithm, is refused", () =>
    Effect.gen(function* () {
      const jwk = jwkOf("RS256")
      assert.strictEqual(
        (yield* JwtKey.fromJwk({ jwk: { ...jwk, alg: "PS384", use: "sig" } })).algorithm,
        "PS384"
      )
      yield* refused("jwk", JwtKey.fromJwk({ jwk }))
      yield* refused("jwk", JwtKey.fromJwk({ jwk: { ...jwk, alg: "RSA1_5" } }))
      yield* refused("jwk", JwtKey.fromJwk({ jwk: { ...jwk, alg: "RS256", use: "enc" } }))
      yield* refused("jwk", JwtKey.fromJwk({ jwk: { ...jwk, alg: "RS256", key_ops: ["encrypt"] } }))
      yield* refused("jwk", JwtKey.fromJwk({ algorithm: "RS512", jwk: { ...jwk, alg: "RS256" } }))
      for (const algorithm of ["ES256", "ES384", "ES512", "EdDSA"] as const) {
        assert.strictEqual((yield* JwtKey.fromJwk({ jwk: jwkOf(algorithm) })).algorithm, algorithm)
      }
    })
  )
})

describe("a JWK out of a file", () => {
  for (const [name, instead] of [
    ["null", null],
    ["a text", "key"],
    ["an array", []],
    ["empty", {}],
    ["one whose key_ops is no array", { ...jwkOf("ES256"), key_ops: "verify" }],
    ["one whose key_ops holds no texts", { ...jwkOf("ES256"), key_ops: ["verify", 1] }],
    ["one whose kid is no text", { ...jwkOf("ES256"), kid: 1 }],
    ["one whose kty is no text", { ...jwkOf("ES256"), kty: ["EC"] }],
    ["one whose alg is no text", { ...jwkOf("ES256"), alg: 1 }],
    ["one whose crv is no text", { ...jwkOf("ES256"), crv: {} }],
    ["one whose x is no text", { ...jwkOf("ES256"), x: 1 }]
  ] as const) {
    it.effect(`that is ${name} is refused`, () =>
      Effect.gen(function* () {
        const jwk = JSON.parse(JSON.stringify(instead))
        yield* refused("jwk", JwtKey.fromJwk({ jwk }))
        yield* refused("jwk", JwtKey.fromJwk({ jwk: Redacted.make(jwk), algorithm: "ES256" }))
      })
    )
  }
})

describe("S14", () => {
  for (const [algorithm, least] of [
    ["HS256", 32],
    ["HS384", 48],
    ["HS512", 64]
  ] as const) {
    it.effect(`S14: a secret for ${algorithm} has ${least} bytes, or is allowed to be short by name`, () =>
      Effect.gen(function* () {
        yield* secretOf("x".repeat(least), { algorithm })
        yield* refused("secret", secretOf("x".repeat(least - 1), { algorithm }))
        yield* secretOf("x", { algorithm, shortSecret: "allowed" })
        yield* secretOf("é".repeat(least / 2), { algorithm })
        yield* refused("secret", secretOf("é".repeat(least / 2 - 1), { algorithm }))
      })
    )
  }

  it.effect("S14: an empty secret, and half a letter, are never taken", () =>
    Effect.gen(function* () {
      yield* refused("secret", secretOf("", { shortSecret: "allowed" }))
      yield* refused("secret", secretOf(new Uint8Array(), { shortSecret: "allowed" }))
      yield* refused("secret", secretOf(`${"x".repeat(40)}\uD800`))
    })
  )

  it.effect("S14: an RSA key of less than 2048 bits is refused", () =>
    Effect.gen(function* () {
      const { privateKey, publicKey } = weak
      const algorithm = "RS256"
      yield* refused("pem", JwtKey.fromPem({ algorithm, pem: Keys.spki(publicKey) }))
      yield* refused("pem", JwtKey.fromPem({ algorithm, pem: Keys.pkcs8(privateKey) }))
      yield* refused("jwk", JwtKey.fromJwk({ algorithm, jwk: publicKey.export({ format: "jwk" }) }))
      const jwk = Redacted.make(privateKey.export({ format: "jwk" }))
      yield* refused("jwk", JwtKey.fromJwk({ algorithm, jwk }))
    })
  )

  it.effect("S14: an RSA key whose exponent is 1 is refused", () =>
    refused("jwk", JwtKey.fromJwk({ algorithm: "RS256", jwk: { ...jwkOf("RS256"), e: "AQ" } }))
  )
})

describe("a key", () => {
  it.effect("signs, verifies, or does both, as its kind has it", () =>
    Effect.gen(function* () {
      const [privateKey, publicKey] = yield* Keys.both("ES256")
      const secret = yield* Keys.hs256
      assert.deepStrictEqual([privateKey.canSign, privateKey.canVerify], [true, false])
      assert.deepStrictEqual([publicKey.canSign, publicKey.canVerify], [false, true])
      assert.deepStrictEqual([secret.canSign, secret.canVerify], [true, true])
    })
  )

  it.effect("has the name that it was given, or that is in the JWK", () =>
    Effect.gen(function* () {
      const jwk = { ...jwkOf("ES256"), kid: "its own" }
      assert.strictEqual((yield* JwtKey.fromJwk({ jwk })).id, "its own")
      assert.strictEqual((yield* JwtKey.fromJwk({ jwk, id: "given" })).id, "given")
      assert.isUndefined((yield* Keys.hs256).id)
    })
  )

  it.effect("may say what else it is for", () =>
    Effect.gen(function* () {
      const { privateKey, publicKey } = Keys.pair("ES256")
      const says = { use: "sig", key_ops: ["sign", "verify"] }
      const verifies = yield* JwtKey.fromJwk({ jwk: { ...publicKey.export({ format: "jwk" }), ...says } })
      assert.deepStrictEqual([verifies.canSign, verifies.canVerify], [false, true])
      const jwk = Redacted.make({ ...privateKey.export({ format: "jwk" }), ...says })
      const signs = yield* JwtKey.fromJwk({ jwk })
      assert.deepStrictEqual([signs.canSign, signs.canVerify], [true, false])
    })
  )

  it.effect("is refused where a private one is not redacted", () =>
    Effect.gen(function* () {
      const { privateKey } = Keys.pair("ES256")
      const pem = Redacted.value(Keys.pkcs8(privateKey))
      yield* refused("pem", JwtKey.fromPem({ algorithm: "ES256", pem }))
      yield* refused("jwk", JwtKey.fromJwk({ jwk: privateKey.export({ format: "jwk" }) }))
    })
  )

  it.effect("is refused where it is none", () =>
    Effect.gen(function* () {
      const pem = Keys.spki(Keys.pair("ES256").publicKey)
      const key = jwkOf("ES256")
      for (const text of ["", "words", pem.slice(0, 100), pem.replaceAll("PUBLIC", "CERTIFICATE")]) {
        yield* refused("pem", JwtKey.fromPem({ algorithm: "ES256", pem: text }))
      }
      for (const jwk of [
        {},
        { ...key, x: "AAAA" },
        { ...key, y: key.x ?? "" },
        { kty: "EC", crv: "P-256" }
      ]) {
        yield* refused("jwk", JwtKey.fromJwk({ jwk }))
      }
    })
  )

  it.effect("shows nothing of itself, and its failures speak for whom the caller says", () =>
    Effect.gen(function* () {
      const key = yield* JwtKey.fromSecret({ algorithm: "HS256", secret: Keys.secret })
      const shown = [
        inspect(key, { depth: 9, showHidden: true }),
        JSON.stringify(key),
        Formatter.format(key)
      ].join("\n")
      for (const form of ["utf8", "hex", "base64", "base64url"] as const) {
        assert.notInclude(shown, Buffer.from(Keys.text).toString(form))
      }
      const where = { provider: "trustauthx", instance: "there" }
      const error = yield* fails("InvalidRequest", secretOf("short", { where }))
      assert.deepStrictEqual([error.provider, error.instance], [where.provider, where.instance])
    })
  )
})
