/**
 * The copy of an organization's roles, and when it is loaded again (contract, section 5.1).
 *
 * Nobody waits for a renewal that a differing count has started: the answer that brought the count may hold tokens, which
 * must not get lost meanwhile.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Role } from "../Role.ts"
import type { RoleError } from "../TrustAuthXRoles.ts"
import { type Flight, OneLoad } from "./oneLoad.ts"
import { OwnAnswer } from "./ownAnswer.ts"
import { byId, type Copy, type Fill, roleCopy } from "./roleBacking.ts"
import * as WhoIsTold from "./whoIsTold.ts"

export interface Options {
  /** One request, whose answer's count is not noticed: a load never triggers a load. */
  readonly load: Effect.Effect<ReadonlyArray<Role>, RoleError>
  readonly fill: Fill
}

export interface Edge {
  /** What is held now. */
  readonly held: () => Copy | undefined
  /** How long ago it was asked for. */
  readonly age: Effect.Effect<Option.Option<Duration.Duration>>
  /** What is held, loaded on first need. */
  readonly copy: Effect.Effect<Copy, RoleError>
  /** A copy that was asked for no longer ago than this, or a failure. With 0 it is asked for now. */
  readonly within: (maxAge: Duration.Duration) => Effect.Effect<Copy, RoleError>
  /** By a load that begins no earlier than now. */
  readonly reload: Effect.Effect<Copy, RoleError>
  /** What `X-EDGE` said. */
  readonly noticed: (header: string | undefined) => Effect.Effect<void>
  /** A change of our own: what is held has it afterwards, unless the renewal fails. */
  readonly changing: <A>(change: Effect.Effect<A, RoleError>) => Effect.Effect<A, RoleError>
  readonly changes: Stream.Stream<Copy>
}

const countOf = (header: string | undefined): number | undefined => {
  const count = header !== undefined && /^\d+$/.test(header) ? Number(header) : undefined
  return Number.isSafeInteger(count) ? count : undefined
}

/** Whether a change was made, or may have been although no answer says so. */
const mayBeMade = (exit: Exit.Exit<unknown, RoleError>): boolean =>
  Exit.isSuccess(exit) ||
  Option.match(Exit.findErrorOption(exit), {
    onNone: () => true,
    onSome: ({ _tag }) => _tag === "TransportError" || _tag === "ServerError" || _tag === "InvalidResponse"
  })

export const make = ({ fill, load }: Options): Effect.Effect<Edge, never, Scope.Scope> =>
  Effect.contextWith((context: Context.Context<Scope.Scope>) =>
    Effect.suspend(() => {
      const subscribers = WhoIsTold.make<Copy>()
      let held: Copy | undefined
      /** A renewal has failed: the next answer that has a count in it starts another one. */
      let isOwed = false
      /** What an answer said while a load was under way, which may have begun before that count held. */
      let expected: number | undefined

      const now = (): number => Context.get(context, Clock.Clock).currentTimeMillisUnsafe()

      const loads = new OneLoad<Copy, RoleError>(
        {
          load: (startedAt) =>
            Effect.withSpan(
              Effect.map(load, (roles) => roleCopy(fill(byId(roles)), DateTime.makeUnsafe(startedAt))),
              "TrustAuthXRoles.load",
              { root: true, captureStackTrace: false }
            ),
          landed: (exit) => {
            const count = expected
            expected = undefined
            isOwed = Exit.isFailure(exit)
            if (Exit.isFailure(exit)) return
            held = exit.value
            subscribers.tell(held)
            if (count !== undefined && count !== held.countRoles) loads.latest()
          }
        },
        context
      )

      const isInUse = (): boolean => held !== undefined || loads.current !== undefined

      const notice = (header: string | undefined): void => {
        const count = countOf(header)
        if (count === undefined) return
        if (loads.current !== undefined) expected = count
        else if (held !== undefined && (isOwed || held.countRoles !== count)) loads.latest()
      }

      const reload = Effect.suspend(() => loads.latest().wait)

      return Effect.as(
        Effect.addFinalizer(() => subscribers.end),
        {
          held: () => held,
          age: Effect.sync(() =>
            Option.map(Option.fromUndefinedOr(held), ({ loadedAt }) =>
              Duration.millis(Math.max(0, now() - DateTime.toEpochMillis(loadedAt)))
            )
          ),
          copy: Effect.suspend(() => (held === undefined ? loads.join().wait : Effect.succeed(held))),
          within: (maxAge) =>
            Effect.suspend(() => {
              const at = now()
              const limit = Duration.toMillis(maxAge)
              // A clock that was set back makes nothing young.
              const isYoung = (time: number): boolean => limit > 0 && time <= at && at - time <= limit
              if (held !== undefined && isYoung(DateTime.toEpochMillis(held.loadedAt))) {
                return Effect.succeed(held)
              }
              const { current } = loads
              return current?.startedAt !== undefined && isYoung(current.startedAt) ? current.wait : reload
            }),
          reload,
          noticed: (header) =>
            Effect.map(OwnAnswer, (own) => {
              if (own === undefined) notice(header)
              else own.header = header
            }),
          changing: (change) =>
            Effect.suspend(() => {
              const own = { header: undefined }
              let renewal: Flight<Copy, RoleError> | undefined
              return Effect.provideService(change, OwnAnswer, own).pipe(
                Effect.onExit((exit) =>
                  Effect.sync(() => {
                    if (!mayBeMade(exit)) notice(own.header)
                    else if (isInUse()) renewal = loads.latest()
                  })
                ),
                Effect.tap(() => (renewal === undefined ? Effect.void : Effect.exit(renewal.wait)))
              )
            }),
          changes: subscribers.stream
        } satisfies Edge
      )
    })
  )
