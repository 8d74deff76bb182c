/** The store in PostgreSQL, as any process opens it by a line of text. */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as PostgresSessionStore from "@latchkey/store/PostgresSessionStore"
import { Layer, Redacted } from "effect"

interface Place {
  readonly url: Redacted.Redacted
  readonly schema: string
}

export const textOfPostgres = ({ schema, url }: Place): string =>
  JSON.stringify({ url: Redacted.value(url), schema })

export const openPostgres = (text: string) => {
  const { schema, url }: { readonly schema: string; readonly url: string } = JSON.parse(text)
  return PostgresSessionStore.layer({ schema }).pipe(
    Layer.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 }))
  )
}
