import type { InvalidRequest, InvalidToken, Provider, ProviderError } from "@latchkey/core"
import { Config, type Effect, type Layer, type Redacted } from "effect"
import type { HttpClient } from "effect/http"
import {
  type AssignError,
  type RefreshError,
  type ReplaceError,
  type RoleAssignment,
  type SignOffSessionReplace,
  type Tokens,
  TrustAuthX,
  type TrustAuthXRoles,
  type User
} from "../src/index.ts"

declare const trustauthx: TrustAuthX["Service"]
declare const secret: Redacted.Redacted<string>
declare const user: User
declare const perhaps: { readonly signOff?: Tokens }

const keys = { apiKey: "ak", secretKey: secret }

export const layer: Layer.Layer<TrustAuthX | TrustAuthXRoles, InvalidRequest, HttpClient.HttpClient> =
  TrustAuthX.layer(keys)

export const fromConfig: Layer.Layer<
  TrustAuthX | TrustAuthXRoles,
  InvalidRequest | Config.ConfigError,
  HttpClient.HttpClient
> = TrustAuthX.layerConfig({ apiKey: Config.String("K"), secretKey: Config.Redacted("S") })

// @ts-expect-error a secret is redacted
TrustAuthX.layer({ apiKey: "ak", secretKey: "sk" })

// @ts-expect-error a code is redacted
void trustauthx.getUser("code")

// @ts-expect-error a token is redacted
void trustauthx.validateAccessToken("token")

export const provider: Provider<RefreshError, InvalidRequest | RefreshError> = trustauthx

const change = { uid: "uid_ann", rolIds: "rol" }

export const assigned: Effect.Effect<RoleAssignment, AssignError> = trustauthx.attachRole(change)

export const replaced: Effect.Effect<SignOffSessionReplace, ReplaceError> = trustauthx.attachRole({
  ...change,
  signOff: user
})

export const ofSession: Effect.Effect<SignOffSessionReplace, ReplaceError> = trustauthx.updateRole({
  uid: "uid_ann",
  add: ["a"],
  remove: "b",
  signOff: user.session
})

// @ts-expect-error whether a session is replaced is known when the call is written
trustauthx.attachRole({ ...change, ...perhaps })

// @ts-expect-error ids are texts
trustauthx.attachRole({ uid: "uid_ann", rolIds: 1 })

/** The verdict on a token is not lost. */
export const isListed: InvalidToken extends Effect.Error<ReturnType<typeof trustauthx.getUser>>
  ? true
  : false = true

declare const check: Effect.Effect<boolean, ProviderError>

export const judged: typeof check = trustauthx.validateAccessToken(secret)
