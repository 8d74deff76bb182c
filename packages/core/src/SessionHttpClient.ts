/**
 * An HTTP client whose requests carry the token of a live session.
 *
 * The token goes to one origin only, and is looked for anew for each request, so that a client that was made before a
 * renewal uses the token that came after it. It never signs in: give it a `SessionRef`.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as HttpClient from "effect/http/HttpClient"
import { EncodeError, HttpClientError, InvalidUrlError, isHttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { canBeSentTwice } from "./internal/canBeSentTwice.ts"
import { letGo } from "./internal/letGo.ts"
import { notFollowing } from "./internal/notFollowing.ts"
import { traced } from "./internal/quietSpan.ts"
import type { Session } from "./Session.ts"
import type { SessionRef } from "./SessionRef.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Where the token goes: scheme, host and port, such as those of an API that takes it. Default: those of the session's
   * `instance`. A session whose instance is no URL needs one.
   */
  readonly origin?: string
  /**
   * Whether an answer of another status than 401 says that the token was refused, too. It may read the answer's `json` or
   * `text`, which the caller can read again; the `stream` of an answer that was read is gone. Where it fails, the answer is no
   * refusal. Default: none does.
   */
  readonly refuses?: (response: HttpClientResponse) => Effect.Effect<boolean, HttpClientError>
}

/**
 * Puts `Authorization: Bearer` on the requests to the session's own origin, in place of one that is there; a request to
 * anywhere else goes as it is.
 *
 * When the token is refused, the session is renewed, once for everybody who was refused, and the request is sent once more
 * with the new token. It is not when its body cannot be sent twice, such as a stream, or when a renewal of a moment
 * ago has not helped (see `SessionRef.refused`): then the answer is what the caller gets. Any other answer is never a
 * reason to repeat.
 *
 * Redirects are not followed, and `fetch` is told so. `HttpClient.followRedirects` around this client follows them, and the
 * token stays behind when they lead elsewhere.
 *
 * **Gotchas**
 *
 * In place of the client's own span, which would hold the token whenever a status is bad, a request with a token has one of
 * a few attributes. `HttpClient.withScope` belongs inside, around the client that is given: outside it has no effect. An
 * `HttpClientError` of this client holds the request, token included: masked when it is printed, and not for somebody who walks
 * through its properties.
 *
 * @category combinators
 * @since 0.1.0
 */
export const attach: {
  <E, LogoutError>(
    ref: SessionRef<E, LogoutError>,
    options?: Options
  ): <E2, R>(client: HttpClient.HttpClient.With<E2, R>) => Attached<E | E2, R>
  <E2, R, E, LogoutError>(
    client: HttpClient.HttpClient.With<E2, R>,
    ref: SessionRef<E, LogoutError>,
    options?: Options
  ): Attached<E | E2, R>
} = dual(
  (args) => HttpClient.isHttpClient(args[0]),
  <E2, R, E, LogoutError>(
    client: HttpClient.HttpClient.With<E2, R>,
    ref: SessionRef<E, LogoutError>,
    { origin = ref.key.instance, refuses = () => Effect.succeed(false) }: Options = {}
  ): Attached<E | E2, R> => {
    const own = originOf(origin)

    const send = (
      request: Request,
      session: Session
    ): Effect.Effect<HttpClientResponse, E | E2 | HttpClientError, R> =>
      Effect.gen(function* () {
        const token = session.accessToken ?? (yield* ref.token)
        if (!isSendable(token)) return yield* unusable(request)
        return yield* traced(
          HttpClientRequest.bearerToken(request, token),
          (sent) => notFollowing(client.postprocess(Effect.succeed(sent))),
          { propagate: true }
        )
      })

    /** Whose token to come with once more: the same session where the answer is what the caller gets. */
    const successor = Effect.fnUntraced(function* (
      request: Request,
      session: Session,
      answer: HttpClientResponse
    ) {
      // An answer that cannot be read is the caller's, who meets the same failure.
      const isRefused = answer.status === 401 || (yield* Effect.orElseSucceed(refuses(answer), () => false))
      if (!isRefused) return session
      if (canBeSentTwice(request.body)) return yield* ref.refused(session)
      // For whoever asks next. How it ends is told by the session's own events: the caller's answer is this one.
      yield* Effect.exit(ref.refused(session))
      return session
    })

    const execute = Effect.fnUntraced(function* (
      request: Request
    ): Effect.fn.Return<HttpClientResponse, E | E2 | HttpClientError, R> {
      if (own === undefined) return yield* nowhere(request)
      if (originOf(request.url) !== own) return yield* client.postprocess(Effect.succeed(request))
      const session = yield* ref.get
      const exit = yield* Effect.exit(send(request, session))
      const answer = answerIn(exit)
      if (answer === undefined || !isToToken(answer)) return yield* exit
      const next = yield* Effect.onError(successor(request, session, answer), () => letGo(answer))
      if (next === session) return yield* exit

      yield* letGo(answer)
      return yield* send(request, next)
    })

    return HttpClient.makeWith<E2, R, E | E2 | HttpClientError, R>(Effect.flatMap(execute), client.preprocess)
  }
)

/**
 * A client that fails with what the session fails with, besides its own failures.
 *
 * @category models
 * @since 0.1.0
 */
export type Attached<E, R> = HttpClient.HttpClient.With<E | HttpClientError, R>

type Request = HttpClientRequest.HttpClientRequest

/** None for what is no URL of HTTP. */
const originOf = (url: string): string | undefined => {
  const { origin, protocol } = URL.parse(url) ?? {}
  return protocol === "https:" || protocol === "http:" ? origin : undefined
}

/** A token that no header can hold would be shown by the error of the client. */
const isSendable = (token: Redacted.Redacted<string>): boolean => /^[\x21-\x7e]+$/.test(Redacted.value(token))

const unusable = (request: Request) =>
  new HttpClientError({
    reason: new EncodeError({ request, description: "the session has no token that a header could hold" })
  })

const nowhere = (request: Request) =>
  new HttpClientError({
    reason: new InvalidUrlError({
      request,
      description: "the session is of no URL: say to which origin its token may go"
    })
  })

/** A redirect that was followed inside may have left the token behind: an answer from there says nothing about it. */
const isToToken = ({ request }: HttpClientResponse): boolean => request.headers["authorization"] !== undefined

/** Also in the failure of a client that takes a bad status for one. */
const answerIn = <E>(exit: Exit.Exit<HttpClientResponse, E>): HttpClientResponse | undefined => {
  if (Exit.isSuccess(exit)) return exit.value
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  return isHttpClientError(error) && error.reason._tag === "StatusCodeError"
    ? error.reason.response
    : undefined
}
