/** A store as simple as can be: what it answers, a real one must answer. */
import type { Lease } from "@latchkey/core/SessionStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Backing, reasonOf, session, type Store, whole } from "./samples.ts"

const key = Schema.Literals([0, 1, 2])
const expects = Schema.Literals(["any", "none", "current", "old"])

/** Picks one of the leases given out on the key so far: 0 is the last one. */
const which = Schema.Literals([0, 1, 2])

/** What can be done to a store. */
export const Step = Schema.Union([
  Schema.TaggedStruct("put", { key, expects }),
  Schema.TaggedStruct("putFenced", { key, expects, which }),
  Schema.TaggedStruct("remove", { key, expects: Schema.Literals(["any", "current", "old"]) }),
  Schema.TaggedStruct("lease", { key }),
  Schema.TaggedStruct("extend", { key, which }),
  Schema.TaggedStruct("mark", { key, which, word: Schema.Literals(["none", "v", "w"]) }),
  Schema.TaggedStruct("release", { key, which }),
  Schema.TaggedStruct("wait", { halves: Schema.Literals([1, 2, 3]) })
])

interface Held {
  readonly lease: Lease
  until: number
  released: boolean
}

const NEVER = "no such version"

/** `take` does a step to the store and to the model: what the one answered, and what the other says. */
export const plainModel = (backing: Backing, store: Store) => {
  const entries = new Map<number, { readonly session: string; readonly version: string }>()
  const versions = new Map<number, ReadonlyArray<string>>()
  const leases = new Map<number, ReadonlyArray<Held>>()
  const marks = new Map<number, string>()
  let now = 0

  const picked = (n: number, back: number) => leases.get(n)?.at(-1 - back)

  const versionFor = (n: number, wish: typeof expects.Type) => {
    const current = entries.get(n)?.version
    if (wish === "any") return undefined
    if (wish === "none") return Option.none<string>()
    if (wish === "current") return Option.some(current ?? NEVER)
    return Option.some(versions.get(n)?.findLast((version) => version !== current) ?? NEVER)
  }

  const allows = (n: number, wish: typeof expects.Type) =>
    wish === "any" || (wish === "none" && !entries.has(n)) || (wish === "current" && entries.has(n))

  const put = Effect.fnUntraced(function* (
    n: number,
    wish: typeof expects.Type,
    round: number,
    back?: number
  ) {
    const held = back === undefined ? undefined : picked(n, back)
    const expected = versionFor(n, wish)
    const next = session(backing, backing.key(n), `t${round}`)
    const right = allows(n, wish) && (back === undefined || (back === 0 && held !== undefined))
    const answer = yield* reasonOf(
      Effect.tap(
        store.put(next, {
          ...(expected === undefined ? {} : { expected }),
          ...(back === undefined ? {} : { fence: held?.lease.fence ?? 1_000_000 })
        }),
        ({ version }) =>
          Effect.sync(() => {
            entries.set(n, { session: whole(next), version })
            versions.set(n, [...(versions.get(n) ?? []), version])
          })
      )
    )
    return [answer, right ? "no failure" : "Conflict"] as const
  })

  const take = Effect.fnUntraced(function* (step: typeof Step.Type, round: number) {
    switch (step._tag) {
      case "put":
        return yield* put(step.key, step.expects, round)
      case "putFenced":
        return yield* put(step.key, step.expects, round, step.which)
      case "remove": {
        const expected = Option.getOrUndefined(versionFor(step.key, step.expects) ?? Option.none())
        const present = entries.has(step.key)
        const right = present && step.expects === "old" ? "Conflict" : present
        const answer = yield* store
          .remove(backing.key(step.key), expected === undefined ? {} : { expected })
          .pipe(
            Effect.map((answer): string | boolean => answer),
            Effect.catch((error) => Effect.succeed(error.reason._tag))
          )
        if (answer === true) entries.delete(step.key)
        return [answer, right] as const
      }
      case "lease": {
        const last = picked(step.key, 0)
        const free = last === undefined || last.released || last.until <= now
        const answer = yield* store.lease(backing.key(step.key), backing.ttl)
        if (Option.isNone(answer)) return [false, free] as const
        const lease = answer.value
        leases.set(step.key, [
          ...(leases.get(step.key) ?? []),
          { lease, until: now + backing.ttl, released: false }
        ])
        return [
          lease.fence > (last?.lease.fence ?? -1) && (Option.getOrUndefined(lease.marked) ?? "none"),
          free && (marks.get(step.key) ?? "none")
        ] as const
      }
      case "extend": {
        const held = picked(step.key, step.which)
        if (held === undefined) return [true, true] as const
        const right = step.which === 0 && !held.released
        if (right) held.until = now + backing.ttl
        return [yield* reasonOf(held.lease.extend), right ? "no failure" : "Conflict"] as const
      }
      case "mark": {
        const held = picked(step.key, step.which)
        if (held === undefined) return [true, true] as const
        const right = step.which === 0 && !held.released
        if (right) {
          held.until = now + backing.ttl
          marks.set(step.key, step.word)
        }
        const version = step.word === "none" ? Option.none() : Option.some(step.word)
        return [yield* reasonOf(held.lease.mark(version)), right ? "no failure" : "Conflict"] as const
      }
      case "release": {
        const held = picked(step.key, step.which)
        if (held === undefined) return [true, true] as const
        held.released = true
        return [yield* reasonOf(held.lease.release), "no failure"] as const
      }
      case "wait": {
        now += (step.halves * backing.ttl) / 2
        yield* backing.passTime((step.halves * backing.ttl) / 2)
        return [true, true] as const
      }
    }
  })

  const contents = () => {
    const all = [...entries.values()]
    return backing.lacks("order") ? all.toSorted((a, b) => (a.session < b.session ? -1 : 1)) : all
  }

  return { take, contents }
}
