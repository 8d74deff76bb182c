import { assert, describe, it } from "@effect/vitest"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { type HttpRequest, json } from "@latchkey/testing/HttpHandler"
import { Effect, Exit, Fiber, Option, Redacted, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Options, RoleError } from "../src/index.ts"
import * as Authority from "../src/testing/Authority.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { until } from "../../../test/support/until.ts"
import { build, over, sample } from "./support/over.ts"

const EDITOR = "rol_edt_0000000000000002"

const two = {
  ...sample,
  apiKey: "ak_two",
  secretKey: Redacted.make("sk_two_fedcba9876543210"),
  orgId: "org_two"
}

/** One service, and any number of clients of it. */
const service = Effect.gen(function* () {
  const { control, faults, handler } = yield* Authority.make()
  const memory = yield* HttpMemory.make({ origin: "https://api.trustauthx.com", handler, faults })
  return {
    ...memory,
    authority: control(memory),
    client: (options: Options) => build(options, memory.client)
  }
})

const isLoad = ({ method, path }: HttpRequest): boolean => method === "GET" && path === "/rbac/role"

describe("clients of one service", () => {
  for (const inMemory of [true, false]) {
    it.effect(`trustauthx-53: of two organizations do not share what they hold (inMemory: ${inMemory})`, () =>
      Effect.gen(function* () {
        const { client } = yield* service
        const main = yield* client({ ...sample, inMemory })
        const other = yield* client({ ...two, inMemory })
        const ask = { role: EDITOR, key: "docs" }
        assert.deepStrictEqual(yield* main.roles.query(ask), Option.some("write"))
        assert.deepStrictEqual(yield* other.roles.query(ask), Option.some("other"))
        yield* other.roles.addPermission({ rolId: EDITOR, permissions: { docs: "changed" } })
        yield* main.roles.reload
        assert.deepStrictEqual(yield* main.roles.query(ask), Option.some("write"))
        assert.deepStrictEqual(yield* other.roles.query(ask), Option.some("changed"))
        assert.deepStrictEqual([yield* main.roles.countRoles(), yield* other.roles.countRoles()], [3, 1])
      })
    )
  }

  it.effect("without an organization every operation that needs one is InvalidRequest, and asks nobody", () =>
    Effect.gen(function* () {
      const { client, requests } = yield* service
      const { orgId: _, ...nowhere } = sample
      const { roles } = yield* client(nowhere)
      const operations: ReadonlyArray<Effect.Effect<unknown, RoleError>> = [
        roles.getAllRoles(),
        roles.addRole({ name: "n", permissions: {} }),
        roles.deleteRole({ rolId: EDITOR }),
        roles.addPermission({ rolId: EDITOR, permissions: {} }),
        roles.deletePermission({ rolId: EDITOR, permissions: {} }),
        roles.query(),
        roles.validate(EDITOR, "docs", "write"),
        roles.countRoles(),
        roles.snapshot(),
        roles.reload
      ]
      for (const operation of operations) {
        assert.strictEqual((yield* fails("InvalidRequest", operation)).field, "orgId")
      }
      assert.isEmpty(yield* requests)
      assert.lengthOf(yield* roles.getAllRoles({ orgId: "org_main" }), 3)
    })
  )

  it.effect(
    "P34: a permission that was taken away elsewhere is denied once the copy is too old, without a logout",
    () =>
      Effect.gen(function* () {
        const { authority, client } = yield* service
        const { roles } = yield* client(sample)
        const may = roles.validate(EDITOR, "docs", "write", { maxAge: "5 minutes" })
        assert.isTrue(yield* may)
        yield* authority.setPermissions("org_main", EDITOR, { docs: "read" })
        yield* TestClock.adjust("5 minutes")
        assert.isTrue(yield* may)
        yield* TestClock.adjust(1)
        assert.isFalse(yield* may)
        const right = yield* roles.query({ role: EDITOR, key: "docs", maxAge: "5 minutes" })
        assert.deepStrictEqual(right, Option.some("read"))
      })
  )

  it.effect(
    "P34: where nobody is there, a copy that is too old grants nothing, and any age still answers",
    () =>
      Effect.gen(function* () {
        const { authority, client } = yield* service
        const { roles } = yield* client(sample)
        assert.isTrue(yield* roles.validate(EDITOR, "docs", "write"))
        yield* authority.setReachable(false)
        yield* TestClock.adjust("1 hour")
        yield* fails("TransportError", roles.validate(EDITOR, "docs", "write", { maxAge: "5 minutes" }))
        yield* fails("TransportError", roles.query({ maxAge: "5 minutes" }))
        yield* fails("TransportError", roles.countRoles({ maxAge: 0 }))
        assert.isTrue(yield* roles.validate(EDITOR, "docs", "write"))
        assert.isTrue(yield* roles.validate(EDITOR, "docs", "write", { maxAge: "2 hours" }))
      })
  )

  it.effect(
    "a change whose answer is lost may have been made: the copy is loaded again, and nobody waits",
    () =>
      Effect.gen(function* () {
        const { authority, client } = yield* service
        const { roles } = yield* client(sample)
        yield* roles.countRoles()
        const lost = authority.faults.push({ _tag: "DropAfter" }, { path: "/rbac/permission" })
        yield* lost
        const news = yield* Effect.forkChild(Stream.runHead(roles.changes))
        yield* Effect.yieldNow
        yield* fails("TransportError", roles.addPermission({ rolId: EDITOR, permissions: { extra: "yes" } }))
        assert.isTrue(Option.getOrThrow(yield* Fiber.join(news)).validate(EDITOR, "extra", "yes"))
      })
  )

  it.effect("one who gives up waiting for the first load leaves it to the others", () =>
    Effect.gen(function* () {
      const { authority, cancelled, client, requests } = yield* service
      const { roles } = yield* client(sample)
      yield* authority.faults.push({ _tag: "Delay", duration: "5 seconds" })
      const gone = yield* Effect.forkChild(roles.query())
      yield* until(Effect.map(requests, (seen) => seen.length === 1))
      const kept = yield* Effect.forkChild(roles.countRoles())
      yield* Fiber.interrupt(gone)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(kept), 3)
      assert.strictEqual(yield* cancelled, 0)
      assert.lengthOf(yield* requests, 1)
    })
  )

  it.effect("the end of the layer ends the load that is under way", () =>
    Effect.gen(function* () {
      const { authority, cancelled, client, requests } = yield* service
      const scope = yield* Scope.make()
      const { roles } = yield* Scope.provide(client(sample), scope)
      yield* authority.faults.push({ _tag: "Silent" })
      const waiting = yield* Effect.forkChild(Effect.exit(roles.query()))
      yield* until(Effect.map(requests, (seen) => seen.length === 1))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.join(waiting)))
      assert.strictEqual(yield* cancelled, 1)
    })
  )

  it.effect("100 questions about one role while a renewal is under way are answered by what is held", () =>
    Effect.gen(function* () {
      const { authority, client, requests } = yield* service
      const { roles, trustauthx } = yield* client(sample)
      yield* roles.countRoles()
      yield* authority.faults.push({ _tag: "Delay", duration: "5 seconds" }, { path: "/rbac/role" })
      yield* authority.addRole("org_main", "elsewhere", {})
      yield* trustauthx.validateAccessToken(Redacted.make("at-valid"))
      const answers = yield* Effect.all(
        Array.from({ length: 100 }, () => roles.validate(EDITOR, "docs", "write")),
        { concurrency: "unbounded" }
      )
      assert.isTrue(answers.every((it) => it))
      assert.strictEqual(yield* roles.countRoles(), 3)
      yield* TestClock.adjust("5 seconds")
      yield* until(Effect.orDie(Effect.map(roles.countRoles(), (count) => count === 4)))
      assert.lengthOf((yield* requests).filter(isLoad), 2)
    })
  )
})

describe("a long list of roles", () => {
  it.effect("is loaded whole, beyond the limit of other answers", () =>
    Effect.gen(function* () {
      const role = { org_id: "o", name: "n", permissions: [] }
      const list = json(
        200,
        Array.from({ length: 20_000 }, (_, index) => ({ ...role, rol_id: `r${index}` }))
      )
      assert.isAbove(list.body.length, 1024 * 1024)
      const { roles } = yield* over(() => Effect.succeed(list))
      assert.strictEqual(yield* roles.countRoles(), 20_000)
      yield* failsBecause("MessageTooLarge", roles.deleteRole({ rolId: EDITOR }))
    })
  )
})

describe("a count that never fits", () => {
  it.effect("trustauthx-50, trustauthx-51: that comes with the list of roles too causes no load", () =>
    Effect.gen(function* () {
      const answer = json(200, [])
      const { requests, roles } = yield* over(() =>
        Effect.succeed({ ...answer, headers: { ...answer.headers, "x-edge": "99" } })
      )
      assert.strictEqual(yield* roles.countRoles(), 0)
      yield* roles.reload
      yield* roles.getAllRoles()
      yield* roles.getAllRoles()
      assert.lengthOf(yield* requests, 4)
    })
  )
})

describe("the simulated service", () => {
  it.effect("gives a key that is given again its new value, and leaves what came with it", () =>
    Effect.gen(function* () {
      const { client } = yield* service
      const { roles } = yield* client({ ...sample, orgId: "org_multi" })
      const rolId = "rol_mul_0000000000000001"
      yield* roles.addPermission({ rolId, permissions: { a: "9" } })
      const all = Option.getOrThrow(yield* roles.query({ role: rolId }))
      assert.deepStrictEqual({ ...all }, { a: "9", b: "2", c: "4" })
      yield* roles.deletePermission({ rolId, permissions: { a: "9", b: "2" } })
      assert.deepStrictEqual({ ...Option.getOrThrow(yield* roles.query({ role: rolId })) }, { c: "4" })
    })
  )

  const refusal = Effect.fnUntraced(function* (change: (request: HttpRequest) => HttpRequest) {
    const { handler } = yield* Authority.make()
    const memory = yield* HttpMemory.make({
      origin: "https://api.trustauthx.com",
      handler: (request) => handler(change(request))
    })
    const { roles } = yield* build(sample, memory.client)
    return yield* fails("InvalidRequest", roles.deleteRole({ rolId: EDITOR }))
  })

  const refusals: ReadonlyArray<readonly [string, string, (request: HttpRequest) => HttpRequest]> = [
    [
      "another organization in the query than in the body",
      "body.org_id",
      (it) => ({ ...it, query: it.query.replace("org_main", "org_two") })
    ],
    ["a body that does not say that it is JSON", "body.org_id", (it) => ({ ...it, headers: new Map() })],
    [
      "no organization in the query",
      "query.org_id",
      (it) => ({ ...it, query: it.query.replace("org_id", "other") })
    ]
  ]
  for (const [what, field, change] of refusals) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* refusal(change)).field, field)
      })
    )
  }
})
