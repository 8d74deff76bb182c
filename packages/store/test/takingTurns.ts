/** What several processes do to one store by turns, and how it is seen afterwards that each had its turn alone. */
import { assert } from "@effect/vitest"
import type { Session } from "@latchkey/core/Session"
import type { SessionKey } from "@latchkey/core/SessionKey"
import type { SessionStore } from "@latchkey/core/SessionStore"
import { Effect, Option } from "effect"
import { appendFileSync, readFileSync } from "node:fs"
import { tokenOf } from "./support.ts"

export interface Turns {
  readonly store: SessionStore["Service"]
  readonly key: (account: string) => SessionKey
  readonly session: (account: string, token: string) => Session
  /** Whose turns they are. */
  readonly account: string
  readonly times: number
}

/** Each time puts an entry of its own, and counts on the one of all. */
export const count = Effect.fnUntraced(function* ({ account, key, session, store, times }: Turns) {
  for (let n = 0; n < times; n++) {
    yield* store.put(session(`${account}-${n}`, `own-${n}`))
    let done = false
    while (!done) {
      const before = yield* store.get(key("counter"))
      const next = Option.isNone(before) ? 1 : Number(tokenOf(before.value.session)) + 1
      done = yield* store
        .put(session("counter", String(next)), { expected: Option.map(before, ({ version }) => version) })
        .pipe(
          Effect.as(true),
          Effect.catchReason("SessionStoreError", "Conflict", () => Effect.succeed(false))
        )
    }
  }
})

/** Each time notes in the log that it has the lease, and that it gives it back. */
export const takeLeases = Effect.fnUntraced(function* ({ account, key, store, times }: Turns, log: string) {
  const note = (word: string, fence: number) =>
    Effect.sync(() => appendFileSync(log, `${word} ${fence} ${account}\n`))
  for (let n = 0; n < times;) {
    const lease = Option.getOrUndefined(yield* store.lease(key("leased"), "1 minute"))
    if (lease === undefined) {
      yield* Effect.sleep("1 millis")
      continue
    }
    n++
    yield* note("enter", lease.fence)
    yield* Effect.sleep("2 millis")
    yield* note("leave", lease.fence)
    yield* lease.release
  }
})

/** One at a time, with growing fences; tells how many different ones there were. */
export const assertTurns = (log: string, turns: number): number => {
  const lines = readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(" "))
  assert.strictEqual(lines.length, turns * 2)
  let last = 0
  for (let n = 0; n < lines.length; n += 2) {
    const [entered, left] = [lines[n] ?? [], lines[n + 1] ?? []]
    assert.deepStrictEqual([entered[0], left], ["enter", ["leave", ...entered.slice(1)]])
    assert.isAbove(Number(entered[1]), last)
    last = Number(entered[1])
  }
  return new Set(lines.map((line) => line[2])).size
}
