import { Sessions } from "@latchkey/core"
import * as SessionHttpClient from "@latchkey/core/SessionHttpClient"
import { Synmetrix } from "@latchkey/synmetrix"
import { Effect, type Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"

const Me = Schema.Struct({
  data: Schema.Struct({ me: Schema.Array(Schema.Struct({ id: Schema.String })) })
})

/** Hasura refuses a token with status 200, and says so in the body. */
const isRefusal = Schema.is(
  Schema.Struct({
    errors: Schema.NonEmptyArray(
      Schema.Struct({ extensions: Schema.Struct({ code: Schema.Literal("invalid-jwt") }) })
    )
  })
)

/** Asks Hasura who we are, with a session that is renewed when it is due, and when Hasura refuses it before. */
export const me = Effect.fn("me")(function* (email: string, password: Redacted.Redacted<string>) {
  const synmetrix = yield* Synmetrix
  const sessions = yield* Sessions
  const live = yield* sessions.signIn(synmetrix, {
    account: email,
    secret: password,
    login: Effect.flatMap(synmetrix.login({ email, password }), synmetrix.sessionOf)
  })
  const hasura = (yield* HttpClient.HttpClient).pipe(
    SessionHttpClient.attach(live, { refuses: ({ json }) => Effect.map(json, isRefusal) }),
    HttpClient.filterStatusOk
  )
  return Effect.gen(function* () {
    const request = yield* HttpClientRequest.post(`${synmetrix.instance}/v1/graphql`).pipe(
      HttpClientRequest.bodyJson({ query: "{ me { id } }" })
    )
    const { data } = yield* Effect.flatMap(hasura.execute(request), HttpClientResponse.schemaBodyJson(Me))
    return data.me
  })
})
