/** Scenes that are played again and again, and what was not as promised. */
import { Effect, Option } from "effect"
import { isDeepStrictEqual } from "node:util"
import type { Line } from "../line.ts"
import { Authority } from "./Authority.ts"
import { Crew } from "./Crew.ts"
import { available, type Place, places } from "./places.ts"
import type { Verdict, World } from "./Stage.ts"
import type { StoreName } from "./stores.ts"

export interface Scene<V extends Verdict> {
  /** For whoever has to find out why a promise was broken. */
  readonly name: string
  readonly play: Effect.Effect<V, never, World>
}

export interface Plan<V extends Verdict> {
  readonly what: string
  readonly rounds: number
  /** Of one round on one store. */
  readonly scenes: (store: StoreName, place: Place, round: number) => ReadonlyArray<Scene<V>>
  /** How many scenes at once. Default: 5. */
  readonly concurrency?: number
  readonly figures?: (verdicts: ReadonlyArray<V>) => Readonly<Record<string, string>>
  /** Beside what was seen and is not as promised. */
  readonly broken?: (verdicts: ReadonlyArray<V>) => Readonly<Record<string, number>>
  readonly places?: typeof places
}

/** On every store that can be had. */
export const played = <V extends Verdict>(plan: Plan<V>): Promise<Line> => {
  const broken: Record<string, number> = {}
  const judged = (store: StoreName, { name, play }: Scene<V>) =>
    Effect.map(Effect.scoped(play), (verdict) => {
      const { promised, seen } = verdict
      for (const [what, value] of Object.entries(promised)) {
        const line = `not as promised: ${what}`
        broken[line] ??= 0
        if (isDeepStrictEqual(seen[what], value)) continue
        broken[line]++
        console.error(
          `${store}, ${name}, ${what}: ${JSON.stringify(seen[what])}, not ${JSON.stringify(value)}`
        )
      }
      return verdict
    })
  const onStore = Effect.fnUntraced(function* (store: StoreName) {
    const place = Option.getOrThrow(yield* (plan.places ?? places)[store])
    const verdicts: Array<V> = []
    for (let round = 0; round < plan.rounds; round++) {
      const scenes = plan.scenes(store, place, round)
      verdicts.push(
        ...(yield* Effect.forEach(scenes, (scene) => judged(store, scene), {
          concurrency: plan.concurrency ?? 5
        }))
      )
    }
    return verdicts
  }, Effect.scoped)
  return Effect.runPromise(
    Effect.gen(function* () {
      const verdicts = (yield* Effect.forEach(yield* available, onStore)).flat()
      return {
        what: plan.what,
        count: verdicts.length,
        figures: plan.figures?.(verdicts) ?? {},
        broken: { ...broken, ...plan.broken?.(verdicts) }
      }
    }).pipe(Effect.provide([Authority.layer, Crew.layer]))
  )
}
