/** Processes that renew: started when they are wanted, and kept for the next who wants one. */
import { Cache, Context, Deferred, Effect, Layer, type Scope, Semaphore } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Answer, Line, Opening, Order } from "./caller.ts"

/** A process that starts takes a whole core, and those that renew must not starve meanwhile. */
const AT_ONCE = 2

/** One session in one process. */
export interface Caller {
  /** The answers of all, and when they were there, in ms since 1970. A process that was killed answers nothing. */
  readonly get: (times: number, options?: { readonly patient: boolean }) => Effect.Effect<Said>
  readonly tell: (order: Exclude<Order, { do: "open" | "get" }>) => Effect.Effect<ReadonlyArray<string>>
  /** When it came to the moment that it was opened with. */
  readonly heldUp: Effect.Effect<number>
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT") => Effect.Effect<void>
  /** When its process is gone. */
  readonly ended: Effect.Effect<void>
}

export interface Said {
  readonly said: ReadonlyArray<string>
  readonly now: number
}

export class Crew extends Context.Service<
  Crew,
  {
    /** The n-th process, shared with whoever else wants that one: not to be stopped, let alone killed. */
    readonly shared: (n: number) => Effect.Effect<Member>
    /** A process that nobody else has meanwhile. */
    readonly own: Effect.Effect<Member, never, Scope.Scope>
  }
>()("soak/Crew") {
  static readonly layer: Layer.Layer<Crew> = Layer.effect(
    Crew,
    Effect.gen(function* () {
      const all = new Set<Member>()
      const idle: Array<Member> = []
      // What the first one has compiled, the others need not.
      const compiled = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "latchkey-compiled-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const starting = yield* Semaphore.make(AT_ONCE)
      const start = starting.withPermit(
        Effect.suspend(() => {
          const member = new Member(compiled)
          all.add(member)
          return Effect.as(member.ready, member)
        })
      )
      const residents = yield* Cache.make({ capacity: Infinity, lookup: (_: number) => start })
      const killAll = () => all.forEach((member) => member.kill())
      process.once("exit", killAll)
      yield* Effect.addFinalizer(() =>
        Effect.suspend(() => {
          process.off("exit", killAll)
          killAll()
          return Effect.forEach(all, ({ ended }) => ended, { discard: true })
        })
      )
      return Crew.of({
        shared: (n) => Cache.get(residents, n),
        own: Effect.acquireRelease(
          Effect.suspend(() => {
            const member = idle.pop()
            return member === undefined ? start : Effect.succeed(member)
          }),
          (member) =>
            Effect.sync(() => {
              if (member.isAlive) idle.push(member)
            })
        )
      })
    })
  )
}

export class Member {
  readonly #process: ChildProcess
  readonly #answers = new Map<number, (answer: Said) => void>()
  readonly #heldUp = new Map<number, Deferred.Deferred<number>>()
  readonly #ready = Deferred.makeUnsafe<void>()
  readonly #ended = Deferred.makeUnsafe<void>()
  #orders = 0
  #callers = 0

  constructor(compiled: string) {
    const script = fileURLToPath(new URL("./caller.ts", import.meta.url))
    const options = ["--disable-warning=ExperimentalWarning", "--conditions=@latchkey/source"]
    const child = spawn(process.execPath, [...options, script], {
      env: { ...process.env, NODE_COMPILE_CACHE: compiled },
      stdio: ["pipe", "pipe", "inherit"]
    })
    // It may be gone before it has read what it was told.
    child.stdin.on("error", () => undefined)
    child.once("close", () => {
      Effect.runSync(Deferred.succeed(this.#ended, undefined))
    })
    createInterface({ input: child.stdout }).on("line", (text) => {
      const answer: Answer = JSON.parse(text)
      if ("ready" in answer) Effect.runSync(Deferred.succeed(this.#ready, undefined))
      else if ("id" in answer) {
        this.#answers.get(answer.id)?.(answer)
        this.#answers.delete(answer.id)
      } else {
        const heldUp = this.#heldUp.get(answer.ref)
        if (heldUp !== undefined) Effect.runSync(Deferred.succeed(heldUp, answer.now))
      }
    })
    this.#process = child
  }

  get isAlive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  get ready(): Effect.Effect<void> {
    return Deferred.await(this.#ready)
  }

  get ended(): Effect.Effect<void> {
    return Deferred.await(this.#ended)
  }

  kill(): void {
    this.#process.kill("SIGKILL")
  }

  /** Opens the store and what it holds for the account; closes both with the scope. */
  open(opening: Opening): Effect.Effect<Caller, never, Scope.Scope> {
    const ref = ++this.#callers
    const heldUp = Deferred.makeUnsafe<number>()
    this.#heldUp.set(ref, heldUp)
    const ask = (order: Order) => this.#ask({ ...order, ref, id: ++this.#orders })
    const caller: Caller = {
      get: (times, options) => ask({ do: "get", times, ...options }),
      tell: (order) => Effect.map(ask(order), ({ said }) => said),
      heldUp: Deferred.await(heldUp),
      signal: (signal) => Effect.sync(() => void this.#process.kill(signal)),
      ended: this.ended
    }
    const opened = Effect.flatMap(ask({ do: "open", opening }), ({ said }) =>
      said.length === 0 ? Effect.succeed(caller) : Effect.die(new Error(said.join("\n")))
    )
    return Effect.acquireRelease(opened, () => ask({ do: "close" }))
  }

  #ask(line: Line): Effect.Effect<Said> {
    const answered = Effect.callback<Said>((resume) => {
      this.#answers.set(line.id, (answer) => resume(Effect.succeed(answer)))
      this.#process.stdin?.write(`${JSON.stringify(line)}\n`)
    })
    const ended = Effect.sync(() => ({ said: ["ended"], now: Date.now() }))
    return Effect.raceFirst(answered, Effect.andThen(Deferred.await(this.#ended), ended))
  }
}
