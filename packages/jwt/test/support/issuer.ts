/** An issuer whose keys change, and which may be away. */
import * as HttpHandler from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { Effect } from "effect"
import { HttpClient } from "effect/http"
import { Jwt, JwksCache, JwtKey } from "../../src/index.ts"
import * as Keys from "./keys.ts"

export const ORIGIN = "https://issuer.example"

export const KEYS = `${ORIGIN}/keys`

const { privateKey } = Keys.pair("ES256")

/** The same key under as many names as are wanted. */
export const jwk = (kid: string) => ({ ...Keys.pair("ES256").publicKey.export({ format: "jwk" }), kid })

export const tokenOf = (kid: string | undefined, claims: Parameters<typeof Jwt.sign>[0] = {}) =>
  Effect.flatMap(
    JwtKey.fromPem({
      algorithm: "ES256",
      pem: Keys.pkcs8(privateKey),
      ...(kid !== undefined && { id: kid })
    }),
    (key) => Jwt.sign(claims, key)
  )

interface State {
  fetches: number
  /** What is waited for before each answer. */
  wait: Effect.Effect<void>
  answer: HttpHandler.HttpResponse
}

export const answering = () => {
  const state: State = {
    fetches: 0,
    wait: Effect.void,
    answer: HttpHandler.json(200, { keys: [jwk("one")] })
  }
  const handler: HttpHandler.HttpHandler = () =>
    Effect.suspend(() => {
      state.fetches++
      return Effect.map(state.wait, () => state.answer)
    })
  const publish = (...keys: ReadonlyArray<unknown>) => {
    state.answer = HttpHandler.json(200, { keys })
  }
  return { handler, publish, state }
}

export const inMemory = Effect.fnUntraced(function* (options: Partial<JwksCache.Options> = {}) {
  const issuer = answering()
  const memory = yield* HttpMemory.make({ origin: ORIGIN, handler: issuer.handler })
  const keys = yield* Effect.provideService(
    JwksCache.make({ url: KEYS, ...options }),
    HttpClient.HttpClient,
    memory.client
  )
  return { ...issuer, keys, memory, verify: verifying(keys) }
})

export const verifying =
  (keys: JwksCache.JwksCache, options: Partial<Pick<Jwt.VerifyOptions, "algorithms">> = {}) =>
  (token: Parameters<typeof Jwt.verify>[0]) =>
    Jwt.verify(token, {
      algorithms: ["ES256"],
      issuer: Jwt.anyIssuer,
      audience: Jwt.anyAudience,
      withoutExpiry: "allowed",
      keys,
      ...options
    })
