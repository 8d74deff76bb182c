/** The stores that renewals are tried on, as any process opens them by a line of text: one line each. */
import type { SessionStore } from "@latchkey/core"
import { CryosparcSessionStore, SqliteSessionStore } from "@latchkey/store"
import { Effect, Layer, Redacted } from "effect"
import type { Shape } from "./authorityProvider.ts"

export interface Store extends Shape {
  readonly layer: (address: string) => Layer.Layer<SessionStore, unknown>
}

const tokens: Shape = { provider: "authority", refreshToken: true }

/** Drivers take long to load: only by who needs them. */
const loaded = <M>(load: () => Promise<M>, layer: (module: M) => Layer.Layer<SessionStore, unknown>) =>
  Layer.unwrap(Effect.map(Effect.promise(load), layer))

const redis = () => import("../../packages/store/test/openRedis.ts")
const postgres = () => import("../../packages/store/test/openPostgres.ts")

const sealing = async () => ({
  ...(await import("@latchkey/store/EncryptedSessionStore")),
  key: (await import("@latchkey/store/SealingKey")).make(Redacted.make("5a".repeat(32)))
})

const sqlite = (path: string) => SqliteSessionStore.layer({ path })

export const stores = {
  sqlite: { ...tokens, layer: sqlite },
  cryosparc: {
    provider: "cryosparc",
    refreshToken: false,
    layer: (path) => CryosparcSessionStore.layer({ path })
  },
  encrypted: {
    ...tokens,
    layer: (path) => loaded(sealing, ({ key, layer }) => Layer.provide(layer({ key }), sqlite(path)))
  },
  redis: { ...tokens, layer: (place) => loaded(redis, ({ openRedis }) => openRedis(place)) },
  postgres: { ...tokens, layer: (place) => loaded(postgres, ({ openPostgres }) => openPostgres(place)) }
} as const satisfies Readonly<Record<string, Store>>

export type StoreName = keyof typeof stores
