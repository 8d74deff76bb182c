import { assert, describe, it, vi } from "@effect/vitest"
import { Duration, Effect, Option, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import { fails } from "../../../test/support/fails.ts"
import { Jwt, JwtKey } from "../src/index.ts"
import { encode, forge, forged, HS256, signed } from "./support/forge.ts"
import * as Keys from "./support/keys.ts"
import { refuses } from "./support/refuses.ts"
import * as Vectors from "./support/vectors.ts"

const { anyAudience, anyIssuer, noAudience } = Jwt

const base = { issuer: anyIssuer, audience: anyAudience, withoutExpiry: "allowed" } as const

type Given = Partial<Omit<Jwt.VerifyOptions, "keys">>

/** With HS256, the shared secret, and no demands but these. */
const verify = (token: Redacted.Redacted<string>, options: Given = {}) =>
  Effect.flatMap(Keys.hs256, (key) =>
    Jwt.verify(token, { ...base, algorithms: ["HS256"], keys: [key], ...options })
  )

/** Seconds since 1970. */
const at = (seconds: number) => TestClock.setTime(Duration.toMillis(Duration.seconds(seconds)))

const integer = (bytes: Buffer) => Buffer.concat([Buffer.from([2, 33, 0]), bytes])

const named = (kid: string, keys: ReadonlyArray<JwtKey.JwtKey>) =>
  Jwt.verify(forged({}, JSON.stringify({ alg: "HS256", kid })), {
    ...base,
    algorithms: ["HS256"],
    keys
  })

const typed = (typ: unknown) => forged({}, JSON.stringify({ alg: "HS256", typ }))

const until = (exp: unknown) => forged({ exp })

const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`

const anything = {
  algorithms: ["HS256"],
  issuer: Jwt.anyIssuer,
  audience: Jwt.anyAudience,
  withoutExpiry: "allowed"
} as const

describe("sign", () => {
  it.effect("writes header and claims as they are given, in that order, the same each time", () =>
    Effect.gen(function* () {
      const key = yield* JwtKey.fromSecret({
        algorithm: "HS256",
        secret: Redacted.make("secret"),
        shortSecret: "allowed"
      })
      const wanted =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcGlfa2V5Ijoia2V5In0.mijmjtVWb89KpG9yOQGMwMwF-UPUZtzClQDdXQBskKM"
      for (let turn = 0; turn < 2; turn++) {
        assert.strictEqual(Redacted.value(yield* Jwt.sign({ api_key: "key" }, key)), wanted)
      }
    })
  )

  it.effect("writes a header that is told, and the name of the key behind it", () =>
    Effect.gen(function* () {
      const key = yield* JwtKey.fromSecret({ algorithm: "HS256", secret: Keys.secret, id: "one" })
      const headerOf = (header?: Jwt.SignOptions["header"]) =>
        Effect.map(Jwt.sign({}, key, header === undefined ? {} : { header }), (token) =>
          Buffer.from(Redacted.value(token).split(".")[0] ?? "", "base64url").toString()
        )
      assert.strictEqual(yield* headerOf(), '{"alg":"HS256","typ":"JWT","kid":"one"}')
      assert.strictEqual(yield* headerOf({}), '{"alg":"HS256","kid":"one"}')
      assert.strictEqual(
        yield* headerOf({ kid: "two", typ: "at+jwt" }),
        '{"alg":"HS256","kid":"two","typ":"at+jwt"}'
      )
    })
  )

  it.effect("refuses what a header must not say, claims that are no JSON, and a key that only verifies", () =>
    Effect.gen(function* () {
      const [, publicKey] = yield* Keys.both("ES256")
      const key = yield* Keys.hs256
      for (const name of ["alg", "crit", "b64", "zip", "jku", "jwk", "x5u", "x5c"]) {
        const error = yield* fails("InvalidRequest", Jwt.sign({}, key, { header: { [name]: "x" } }))
        assert.strictEqual(error.field, "header")
      }
      for (const header of [{ kid: 1 }, { typ: null }, { typ: ["JWT"] }]) {
        const error = yield* fails("InvalidRequest", Jwt.sign({}, key, { header }))
        assert.strictEqual(error.field, "header")
      }
      const noClaims = yield* fails("InvalidRequest", Jwt.sign({ exp: Number.NaN }, key))
      assert.strictEqual(noClaims.field, "claims")
      const noKey = yield* fails("InvalidRequest", Jwt.sign({}, publicKey))
      assert.strictEqual(noKey.field, "key")
    })
  )
})

describe("the examples of the specifications", () => {
  it.effect("S35: whether a MAC is right is for WebCrypto to say, which compares in constant time", () =>
    Effect.gen(function* () {
      const verify = vi.spyOn(globalThis.crypto.subtle, "verify").mockResolvedValue(false)
      yield* Effect.addFinalizer(() => Effect.sync(() => verify.mockRestore()))
      const key = yield* Keys.hs256
      const good = yield* Jwt.sign({}, key)
      const error = yield* fails("InvalidToken", Jwt.verify(good, { ...anything, keys: [key] }))
      assert.strictEqual(error.check, "Signature")
      assert.strictEqual(verify.mock.calls.length, 1)
    })
  )

  it.effect("RFC 7515 A.1: HS256", () =>
    Effect.gen(function* () {
      const secret = Redacted.make(new Uint8Array(Buffer.from(Vectors.A1.secret, "base64url")))
      const key = yield* JwtKey.fromSecret({ algorithm: "HS256", secret })
      const token = Redacted.make(Vectors.A1.token)
      const { claims } = yield* Jwt.verify(token, {
        ...base,
        algorithms: ["HS256"],
        keys: [key],
        issuer: "joe"
      })
      assert.deepStrictEqual(claims, Vectors.claims)
    })
  )

  for (const [name, algorithm, { jwk, token }] of [
    ["A.2: RS256", "RS256", Vectors.A2],
    ["A.3: ES256", "ES256", Vectors.A3]
  ] as const) {
    it.effect(`RFC 7515 ${name}`, () =>
      Effect.gen(function* () {
        const key = yield* JwtKey.fromJwk({ algorithm, jwk })
        const { claims } = yield* Jwt.verify(Redacted.make(token), {
          ...base,
          algorithms: [algorithm],
          keys: [key]
        })
        assert.deepStrictEqual(claims, Vectors.claims)
      })
    )
  }

  it.effect("RFC 8037 A.4: Ed25519, whose payload is no claims", () =>
    Effect.gen(function* () {
      const key = yield* JwtKey.fromJwk({ jwk: Vectors.RFC8037.jwk })
      const check = (token: string) =>
        Jwt.verify(Redacted.make(token), { ...base, algorithms: ["EdDSA"], keys: [key] })
      yield* refuses("Malformed", check(Vectors.RFC8037.token))
      yield* refuses("Signature", check(Vectors.RFC8037.token.replace(".hgy", ".igy")))
    })
  )
})

describe("verify", () => {
  for (const algorithm of Keys.all) {
    it.effect.prop(
      `what was signed by ${algorithm} is read, and no single other character is`,
      { claims: Schema.Record(Schema.String, Schema.Json), spot: Schema.Int, letter: Schema.Int },
      ({ claims, letter, spot }) =>
        Effect.gen(function* () {
          const data = Object.fromEntries([["data", claims]])
          const [signs, verifies] = yield* Keys.both(algorithm)
          const options = { ...base, algorithms: [algorithm], keys: [verifies] } as const
          const token = yield* Jwt.sign(data, signs)
          assert.deepStrictEqual((yield* Jwt.verify(token, options)).claims, JSON.parse(JSON.stringify(data)))
          const plain = Redacted.value(token)
          const index = Math.abs(spot % plain.length)
          const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
          const other = letters.replace(plain[index] ?? "", "")[Math.abs(letter % 64)] ?? ""
          const changed = `${plain.slice(0, index)}${other}${plain.slice(index + 1)}`
          yield* fails("InvalidToken", Jwt.verify(Redacted.make(changed), options))
        }),
      { arbitrary: { runs: 25 } }
    )
  }

  it.effect("tries every key that fits, and says Key where none does", () =>
    Effect.gen(function* () {
      const key = yield* Keys.hs256
      const other = yield* JwtKey.fromSecret({ algorithm: "HS256", secret: Redacted.make("x".repeat(32)) })
      const [, publicKey] = yield* Keys.both("ES256")
      const token = yield* Jwt.sign({}, key)
      const check = (keys: ReadonlyArray<JwtKey.JwtKey>) =>
        Jwt.verify(token, { ...base, algorithms: ["HS256", "ES256"], keys })
      yield* check([publicKey, other, key])
      yield* refuses("Signature", check([publicKey, other]))
      yield* refuses("Key", check([publicKey]))
    })
  )

  it.effect("refuses options that make no sense", () =>
    Effect.gen(function* () {
      const key = yield* Keys.hs256
      const token = yield* Jwt.sign({}, key)
      for (const [field, options] of [
        ["keys", { keys: [] }],
        ["issuer", { issuer: "" }],
        ["audience", { audience: ["a", ""] }],
        ["leeway", { leeway: Duration.infinity }],
        ["leeway", { leeway: Duration.seconds(-1) }],
        ["maxBytes", { maxBytes: 0 }],
        ["maxBytes", { maxBytes: Number.NaN }]
      ] as const) {
        const error = yield* fails(
          "InvalidRequest",
          Jwt.verify(token, { ...base, algorithms: ["HS256"], keys: [key], ...options })
        )
        assert.strictEqual(error.field, field)
      }
    })
  )

  it.effect("its failures speak for the issuer, or for whom the caller says", () =>
    Effect.gen(function* () {
      const named = yield* refuses("Issuer", verify(forged({}), { issuer: ["https://a.example", "b"] }))
      assert.deepStrictEqual([named.provider, named.instance], ["jwt", "https://a.example"])
      const where = { provider: "trustauthx", instance: "https://b.example" }
      const told = yield* refuses("Issuer", verify(forged({}), { issuer: "https://a.example", where }))
      assert.deepStrictEqual([told.provider, told.instance], [where.provider, where.instance])
      assert.isFalse(told.isRetryable)
    })
  )

  it.effect("claims are read as a schema describes them, once they are verified", () =>
    Effect.gen(function* () {
      const User = Schema.Struct({ sub: Schema.String, level: Schema.Int })
      const read = Jwt.claimsAs(User)
      const good = yield* Effect.flatMap(verify(forged({ sub: "ada", level: 3, more: 1 })), read)
      assert.deepStrictEqual(good, { sub: "ada", level: 3 })
      yield* refuses("Claims", Effect.flatMap(verify(forged({ sub: "ada", level: "3" })), read))
    })
  )
})

describe("S13", () => {
  it.effect("S13: an algorithm that was not asked for is refused, whatever key there is", () =>
    Effect.gen(function* () {
      const [signs, verifies] = yield* Keys.both("HS384")
      const token = yield* Jwt.sign({}, signs)
      yield* refuses("Algorithm", Jwt.verify(token, { ...base, algorithms: ["HS256"], keys: [verifies] }))
    })
  )

  for (const alg of ["none", "None", "NONE", "hs256", "HS1", "", "__proto__", "constructor", "RSA1_5"]) {
    it.effect(`S13: the algorithm ${JSON.stringify(alg)} is refused, with a signature and without`, () =>
      Effect.gen(function* () {
        const token = forged({}, JSON.stringify({ alg }))
        yield* refuses("Algorithm", verify(token))
        const bare = `${Redacted.value(token).split(".").slice(0, 2).join(".")}.`
        yield* refuses("Algorithm", verify(Redacted.make(bare)))
      })
    )
  }

  it.effect("S13: none, and what is unknown, cannot be asked for even by those who do not compile", () =>
    Effect.gen(function* () {
      const key = yield* Keys.hs256
      for (const algorithms of [[], ["none"], ["HS256", "none"], ["toString"]]) {
        const options = Object.assign(
          { ...base, algorithms: ["HS256"] as const, keys: [key] },
          { algorithms: JSON.parse(JSON.stringify(algorithms)) }
        )
        const error = yield* fails("InvalidRequest", Jwt.verify(forged({}), options))
        assert.strictEqual(error.field, "algorithms")
      }
    })
  )

  it.effect("S13: a token signed with the public key as a secret is refused", () =>
    Effect.gen(function* () {
      const [, verifies] = yield* Keys.both("RS256")
      const pem = Keys.spki(Keys.pair("RS256").publicKey)
      const token = Redacted.make(signed(encode(HS256), encode("{}"), pem))
      const options = { ...base, keys: [verifies] }
      yield* refuses("Algorithm", Jwt.verify(token, { ...options, algorithms: ["RS256"] }))
      yield* refuses("Key", Jwt.verify(token, { ...options, algorithms: ["RS256", "HS256"] }))
    })
  )
})

describe("S15", () => {
  const good = Redacted.value(forged({ a: 1 }))
  const [header = "", payload = "", signature = ""] = good.split(".")

  it.effect("S15: the token that all of these were made from is good", () =>
    Effect.asVoid(verify(Redacted.make(good)))
  )

  for (const [name, text] of [
    ["empty", ""],
    ["one segment", header],
    ["two segments", `${header}.${payload}`],
    ["four segments", `${good}.`],
    ["five segments, as when it is encrypted", `${good}.${payload}.${signature}`],
    ["dots", ".."],
    ["a blank in front", ` ${good}`],
    ["a line break behind", `${good}\n`],
    ["a blank inside", good.replace(".", " .")],
    ["with its scheme", `Bearer ${good}`],
    ["padding of the header", signed(`${header}=`, payload)],
    ["padding of the payload", signed(header, `${encode('{"a":12}')}=`)],
    ["padding of the signature", `${good}=`],
    ["the other alphabet", `${header}.${payload}.${signature.slice(0, -1)}+`],
    ["letters of no alphabet", signed(header, `${payload}é`)],
    ["bits of the payload that say nothing", signed(header, `${encode("{}").slice(0, -1)}R`)],
    ["a single letter", signed(header, "e")],
    ["in quotes", JSON.stringify(good)]
  ] as const) {
    it.effect(`S15: ${name}: Malformed`, () =>
      Effect.gen(function* () {
        yield* refuses("Malformed", verify(Redacted.make(text)))
        yield* refuses("Malformed", Jwt.decode(Redacted.make(text)))
      })
    )
  }

  it.effect("S15: bits of the signature that say nothing and are not 0: Malformed", () => {
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    const last = letters.indexOf(signature.slice(-1))
    const text = `${good.slice(0, -1)}${letters[last + 1]}`
    return refuses("Malformed", verify(Redacted.make(text)))
  })

  for (const [name, text] of [
    ["an array", "[]"],
    ["null", "null"],
    ["a number", "1"],
    ["a text", '"alg"'],
    ["nothing", ""],
    ["cut short", '{"alg":"HS256"'],
    ["two", '{"alg":"HS256"}{}'],
    ["a comment", '{"alg":"HS256"/**/}'],
    ["a mark at its beginning", '\uFEFF{"alg":"HS256"}'],
    ["without alg", '{"typ":"JWT"}'],
    ["alg is no text", '{"alg":["HS256"]}'],
    ["kid is no text", '{"alg":"HS256","kid":1}'],
    ["typ is no text", '{"alg":"HS256","typ":null}'],
    ["alg twice", '{"alg":"none","alg":"HS256"}'],
    ["alg twice, once written otherwise", '{"alg":"none","\\u0061lg":"HS256"}'],
    ["a name twice, far inside", '{"alg":"HS256","x":[{"a":1,"a":1}]}'],
    ["__proto__ twice", '{"alg":"HS256","__proto__":1,"__proto__":1}']
  ] as const) {
    it.effect(`S15: a header that is ${name}: Malformed`, () =>
      refuses("Malformed", verify(forged({}, text)))
    )
  }

  it.effect("S15: a header that is no UTF-8: Malformed", () =>
    refuses("Malformed", verify(Redacted.make(signed(encode(Buffer.from([0x7b, 0xff, 0x7d])), encode("{}")))))
  )

  for (const [name, text] of [
    ["an array", "[]"],
    ["null", "null"],
    ["a sentence", "words"],
    ["no UTF-8", Buffer.from([0x7b, 0x22, 0xc3, 0x22, 0x3a, 0x31, 0x7d])],
    ["a claim twice", '{"sub":"ada","sub":"root"}']
  ] as const) {
    it.effect(`S15: a payload that is ${name}: Malformed`, () =>
      refuses("Malformed", verify(forge(HS256, text)))
    )
  }

  for (const extra of [
    '"crit":["exp"],"exp":1',
    '"crit":[]',
    '"crit":["b64"],"b64":false',
    '"crit":["b64"],"b64":true',
    '"crit":"exp"',
    '"crit":null',
    '"b64":false',
    '"zip":"DEF"'
  ]) {
    it.effect(`S15: a header with ${extra}: Critical`, () =>
      refuses("Critical", verify(forged({}, `{"alg":"HS256",${extra}}`)))
    )
  }

  it.effect("S15: the signature is judged before any claim", () =>
    Effect.gen(function* () {
      for (const text of ["words", "[]", '{"exp":0}', '{"sub":1}']) {
        const token = signed(encode(HS256), encode(text), "x".repeat(32))
        yield* refuses("Signature", verify(Redacted.make(token), { issuer: "joe", audience: "me" }))
      }
    })
  )

  for (const [name, text] of [
    ["none", ""],
    ["of another key", signed(header, payload, "y".repeat(64)).split(".")[2] ?? ""],
    ["cut short", encode(Buffer.from(signature, "base64url").subarray(0, 31))],
    ["longer", encode(Buffer.concat([Buffer.from(signature, "base64url"), Buffer.from([0])]))],
    ["zeros", encode(Buffer.alloc(32))]
  ] as const) {
    it.effect(`S15: a signature that is ${name}: Signature`, () =>
      refuses("Signature", verify(Redacted.make(`${header}.${payload}.${text}`)))
    )
  }

  it.effect("S15: signatures by ES256 of zeros, in DER, or with more than 64 bytes: Signature", () =>
    Effect.gen(function* () {
      const [signs, verifies] = yield* Keys.both("ES256")
      const token = Redacted.value(yield* Jwt.sign({}, signs)).split(".")
      const raw = Buffer.from(token[2] ?? "", "base64url")
      const der = Buffer.concat([
        Buffer.from([0x30, 70]),
        integer(raw.subarray(0, 32)),
        integer(raw.subarray(32))
      ])
      for (const other of [Buffer.alloc(64), Buffer.alloc(0), der, Buffer.concat([raw, Buffer.alloc(1)])]) {
        const forgery = Redacted.make(`${token[0]}.${token[1]}.${encode(other)}`)
        yield* refuses("Signature", Jwt.verify(forgery, { ...base, algorithms: ["ES256"], keys: [verifies] }))
      }
    })
  )
})

describe("S16", () => {
  it.effect("S16: the issuer is the one asked for, or one of several, letter for letter", () =>
    Effect.gen(function* () {
      const token = forged({ iss: "https://a.example" })
      yield* verify(token, { issuer: "https://a.example" })
      yield* verify(token, { issuer: ["https://b.example", "https://a.example"] })
      yield* verify(token, { issuer: anyIssuer })
      yield* refuses("Issuer", verify(token, { issuer: "https://a.example/" }))
      yield* refuses("Issuer", verify(token, { issuer: "https://A.example" }))
      yield* refuses("Issuer", verify(forged({}), { issuer: "https://a.example" }))
    })
  )

  it.effect("S16: one audience of the token is one of those asked for", () =>
    Effect.gen(function* () {
      const several = forged({ aud: ["me", "you"] })
      yield* verify(forged({ aud: "me" }), { audience: "me" })
      yield* verify(several, { audience: "you" })
      yield* verify(several, { audience: ["they", "me"] })
      yield* verify(several, { audience: anyAudience })
      yield* verify(forged({}), { audience: anyAudience })
      yield* refuses("Audience", verify(several, { audience: "they" }))
      yield* refuses("Audience", verify(forged({ aud: "men" }), { audience: "me" }))
      yield* refuses("Audience", verify(forged({ aud: [] }), { audience: "me" }))
      yield* refuses("Audience", verify(forged({}), { audience: "me" }))
    })
  )

  it.effect("S16: where no audience is asked for, a token with one is refused", () =>
    Effect.gen(function* () {
      yield* verify(forged({}), { audience: noAudience })
      yield* refuses("Audience", verify(forged({ aud: "me" }), { audience: noAudience }))
      yield* refuses("Audience", verify(forged({ aud: [] }), { audience: noAudience }))
    })
  )
})

describe("S16 for those who do not compile", () => {
  for (const [field, instead] of [
    ["issuer", { issuer: undefined }],
    ["issuer", { issuer: null }],
    ["issuer", { issuer: [] }],
    ["issuer", { issuer: [undefined] }],
    ["issuer", { issuer: Option.some("https://a.example") }],
    ["issuer", { issuer: noAudience }],
    ["issuer", { issuer: anyAudience }],
    ["audience", { audience: undefined }],
    ["audience", { audience: Option.none() }],
    ["audience", { audience: anyIssuer }],
    ["audience", { audience: ["me", undefined] }]
  ] as const) {
    it.effect(`S16: ${JSON.stringify(instead) ?? field} opts out of nothing`, () =>
      Effect.gen(function* () {
        const keys = [yield* Keys.hs256]
        const options = Object.assign({ ...base, algorithms: ["HS256"] as const, keys }, instead)
        const error = yield* fails("InvalidRequest", Jwt.verify(forged({ iss: "b", aud: "b" }), options))
        assert.strictEqual(error.field, field)
      })
    )
  }
})

describe("S17", () => {
  it.effect("S17: kid only chooses among the keys there are", () =>
    Effect.gen(function* () {
      const one = yield* JwtKey.fromSecret({ algorithm: "HS256", secret: Keys.secret, id: "one" })
      const two = yield* JwtKey.fromSecret({
        algorithm: "HS256",
        secret: Redacted.make("z".repeat(32)),
        id: "two"
      })
      const nameless = yield* Keys.hs256
      yield* named("one", [two, one])
      yield* refuses("Signature", named("two", [two, one]))
      yield* refuses("Signature", named("two", [nameless, two]))
      yield* refuses("Key", named("../../etc/passwd", [one, two]))
      yield* named("' or 1=1", [two, nameless])
    })
  )

  it.effect("S17: jku, x5u, jwk and x5c are not looked at", () =>
    Effect.gen(function* () {
      const foreign = Keys.pair("ES256")
      const jwk = foreign.publicKey.export({ format: "jwk" })
      const header = {
        alg: "HS256",
        jwk,
        jku: "https://attacker.invalid/keys",
        x5u: "https://attacker.invalid",
        x5c: ["AA=="]
      }
      yield* verify(forged({}, JSON.stringify(header)))
      const input = `${encode(JSON.stringify({ ...header, alg: "ES256" }))}.${encode("{}")}`
      const material = yield* Effect.promise(() =>
        crypto.subtle.sign(
          { name: "ECDSA", hash: "SHA-256" },
          foreign.privateKey.toCryptoKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]),
          Buffer.from(input)
        )
      )
      const key = yield* Keys.hs256
      const token = Redacted.make(`${input}.${encode(new Uint8Array(material))}`)
      yield* refuses("Key", Jwt.verify(token, { ...base, algorithms: ["ES256", "HS256"], keys: [key] }))
    })
  )
})

describe("S18", () => {
  it.effect("S18: where a type is asked for, no other passes", () =>
    Effect.gen(function* () {
      for (const typ of ["at+jwt", "AT+JWT", "application/at+jwt"]) {
        yield* verify(typed(typ), { type: "at+jwt" })
        yield* verify(typed(typ), { type: "application/AT+jwt" })
      }
      for (const typ of ["JWT", "", undefined, "at+jwt ", "text/at+jwt", "application/x/at+jwt"]) {
        yield* refuses("Type", verify(typed(typ), { type: "at+jwt" }))
      }
      yield* refuses("Type", verify(typed("at+jwt"), { type: "JWT" }))
    })
  )
})

describe("S19", () => {
  it.effect("S19: exp holds to the last millisecond of the leeway, which is 60 s unless told", () =>
    Effect.gen(function* () {
      yield* at(1059.999)
      yield* verify(until(1000))
      yield* at(1060)
      yield* refuses("Expired", verify(until(1000)))
      yield* at(999.999)
      yield* verify(until(1000), { leeway: 0 })
      yield* at(1000)
      yield* refuses("Expired", verify(until(1000), { leeway: 0 }))
      yield* verify(until(1000), { leeway: "5 minutes" })
    })
  )

  it.effect("S19: nbf holds from the first millisecond of the leeway", () =>
    Effect.gen(function* () {
      const token = forged({ nbf: 1000 })
      yield* at(939.999)
      yield* refuses("NotYetValid", verify(token))
      yield* at(940)
      yield* verify(token)
      yield* refuses("NotYetValid", verify(token, { leeway: 0 }))
      yield* at(1000)
      yield* verify(token, { leeway: 0 })
    })
  )

  it.effect("S19: a fraction of a second in exp does not count", () =>
    Effect.gen(function* () {
      yield* at(1000)
      yield* refuses("Expired", verify(until(1000.9), { leeway: 0 }))
      yield* at(999.999)
      yield* verify(until(1000.9), { leeway: 0 })
    })
  )

  it.effect("S19: a token without exp is refused unless that is allowed", () =>
    Effect.gen(function* () {
      const key = yield* Keys.hs256
      const options = {
        issuer: anyIssuer,
        audience: anyAudience,
        algorithms: ["HS256"],
        keys: [key]
      } as const
      yield* refuses("Claims", Jwt.verify(forged({}), options))
      yield* Jwt.verify(forged({ exp: 1 }), options)
      yield* Jwt.verify(forged({}), { ...options, withoutExpiry: "allowed" })
    })
  )

  it.effect("S19: an iat in the future is no objection", () =>
    Effect.asVoid(verify(forged({ iat: 99_999_999_999, exp: 1 })))
  )

  for (const claims of [
    { exp: "1000" },
    { exp: null },
    { exp: [1000] },
    { nbf: "0" },
    { iat: "0" },
    { iss: 1 },
    { sub: 1 },
    { sub: { id: "ada" } },
    { jti: 1 },
    { aud: 1 },
    { aud: ["me", 1] },
    { aud: null }
  ]) {
    it.effect(`S19: ${JSON.stringify(claims)} is no claim of that name`, () =>
      Effect.gen(function* () {
        yield* refuses("Claims", verify(forged({ exp: 1, ...claims })))
        yield* refuses("Claims", Jwt.decode(forged({ exp: 1, ...claims })))
      })
    )
  }

  it.effect("S19: an exp without end is no number", () =>
    refuses("Claims", verify(forge(HS256, '{"exp":1e999}')))
  )
})

describe("P16", () => {
  it.effect("P16: clocks that differ by 300 s refuse nothing where that leeway is given", () =>
    Effect.gen(function* () {
      const token = forged({ iat: 10_000, nbf: 10_000, exp: 10_600 })
      for (const skew of [-300, 0, 300]) {
        yield* at(10_000 + skew)
        yield* verify(token, { leeway: "300 seconds" })
        yield* at(10_599 + skew)
        yield* verify(token, { leeway: "300 seconds" })
      }
    })
  )

  it.effect("P16: the failure tells by how many seconds", () =>
    Effect.gen(function* () {
      yield* at(10_000)
      const late = yield* refuses("Expired", verify(forged({ exp: 9_877 })))
      assert.match(late.message, /\b123\b/)
      const early = yield* refuses("NotYetValid", verify(forged({ nbf: 10_456 })))
      assert.match(early.message, /\b456\b/)
    })
  )
})

describe("S20", () => {
  it.effect("S20: a token of more than 16 kB is not looked at, nor one of more than was allowed", () =>
    Effect.gen(function* () {
      yield* refuses("TooLarge", verify(Redacted.make("!".repeat(16 * 1024 + 1))))
      yield* refuses("Malformed", verify(Redacted.make("!".repeat(16 * 1024))))
      const token = forged({ a: "x".repeat(20_000) })
      yield* refuses("TooLarge", verify(token))
      yield* refuses("TooLarge", Jwt.decode(token))
      yield* verify(token, { maxBytes: 40_000 })
      const { length } = Redacted.value(forged({}))
      yield* verify(forged({}), { maxBytes: length })
      yield* refuses("TooLarge", verify(forged({}), { maxBytes: length - 1 }))
    })
  )

  it.effect("S20: a limit that is no number allows nothing", () =>
    refuses("TooLarge", Jwt.decode(forged({}), { maxBytes: Number.NaN }))
  )

  it.effect("S20: what would be refused for its depth is not signed", () =>
    Effect.gen(function* () {
      const key = yield* Keys.hs256
      yield* verify(yield* Jwt.sign(JSON.parse(nested(32)), key))
      for (const depth of [33, 5_000]) {
        const claims = yield* fails("InvalidRequest", Jwt.sign(JSON.parse(nested(depth)), key))
        assert.strictEqual(claims.field, "claims")
        const header = yield* fails(
          "InvalidRequest",
          Jwt.sign({}, key, { header: JSON.parse(nested(depth)) })
        )
        assert.strictEqual(header.field, "header")
      }
    })
  )

  it.effect("S20: nesting deeper than 32 is refused, in the header and in the claims", () =>
    Effect.gen(function* () {
      yield* verify(forge(HS256, nested(32)))
      yield* refuses("Malformed", verify(forge(HS256, nested(33))))
      yield* refuses("Malformed", verify(forge(HS256, nested(5_000))))
      yield* refuses("Malformed", Jwt.decode(forge(HS256, nested(5_000))))
      yield* refuses("Malformed", verify(forged({}, `{"alg":"HS256",${nested(33).slice(1)}`)))
      yield* verify(forge(HS256, JSON.stringify({ a: "[".repeat(99), b: '\\"[[[:::' })))
    })
  )
})

describe("decode", () => {
  it.effect("reads a token that nobody should trust, and says so", () =>
    Effect.gen(function* () {
      const token = Redacted.make(`${encode('{"alg":"none"}')}.${encode('{"sub":"ada","exp":0}')}.`)
      assert.deepStrictEqual(yield* Jwt.decode(token), {
        verified: false,
        header: { alg: "none" },
        claims: { sub: "ada", exp: 0 }
      })
    })
  )

  it.effect("gives each caller a header that no other caller has changed", () =>
    Effect.gen(function* () {
      const token = forged({}, '{"alg":"HS256","more":{"of":["it"]}}')
      const { header } = yield* Jwt.decode(token)
      assert.isFalse(Reflect.set(header, "alg", "none"))
      assert.isFalse(Reflect.set(Object(header["more"]), "of", []))
      assert.isFalse(Reflect.set(Object(Object(header["more"]).of), 0, "other"))
      assert.deepStrictEqual((yield* Jwt.decode(token)).header, { alg: "HS256", more: { of: ["it"] } })
    })
  )

  it.effect.prop("no text makes it die", { text: Schema.String, more: Schema.String }, ({ more, text }) =>
    Effect.gen(function* () {
      for (const token of [
        text,
        `${text}.${more}.`,
        `${encode(text)}.${encode(more)}.`,
        `${encode(HS256)}.${encode(text)}.`
      ]) {
        yield* Effect.ignore(Jwt.decode(Redacted.make(token)))
        yield* Effect.ignore(verify(Redacted.make(token)))
      }
    })
  )
})
