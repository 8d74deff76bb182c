import { PgClient } from "@effect/sql-pg"
import { Sessions } from "@latchkey/core"
import * as PostgresSessionStore from "@latchkey/store/PostgresSessionStore"
import { Config, Layer } from "effect"

const database = PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") })

const store = PostgresSessionStore.layerConfig({
  schema: Config.String("SESSIONS_SCHEMA").pipe(Config.withDefault("latchkey"))
})

/** Programs on one database share their sessions, on whatever machines they run: of all of them, one renews. */
export const layer = Sessions.layer.pipe(Layer.provide(store), Layer.provide(database))
