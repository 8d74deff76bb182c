import { assert, describe, it, vi } from "@effect/vitest"
import { DateTime, Effect, Option, Schema } from "effect"
import * as Edge from "../src/internal/edge.ts"
import * as MemoryRoles from "../src/internal/memoryRoles.ts"
import { byId, type Fill, roleCopy } from "../src/internal/roleBacking.ts"
import * as RoleKeeping from "../src/internal/roleKeeping.ts"
import * as RoleWire from "../src/internal/roleWire.ts"
import * as SqliteRoles from "../src/internal/sqliteRoles.ts"
import type { Role } from "../src/Role.ts"
import type { RoleCopy } from "../src/RoleCopy.ts"
import { fails } from "../../../test/support/fails.ts"

const sqlite: Fill = Option.getOrThrow(SqliteRoles.load())

const fills: Readonly<Record<string, Fill>> = { "in memory": MemoryRoles.fill, "in SQLite": sqlite }

const copyOf = (fill: Fill, roles: ReadonlyArray<Role>): RoleCopy =>
  roleCopy(fill(byId(roles)), DateTime.makeUnsafe(0))

const odd = [
  "__proto__",
  "",
  "constructor",
  "toString",
  "hasOwnProperty",
  "\0",
  "\ud800",
  "\udc00",
  "\ufffd",
  "'",
  '"',
  "\\",
  "0",
  "ß",
  "ẞ",
  "a",
  "A"
]

const Text = Schema.Union([Schema.Literals(odd), Schema.String])

const Pairs = Schema.Array(Schema.Tuple([Text, Text])).check(Schema.isMaxLength(2))

const Roles = Schema.Array(
  Schema.Struct({ rolId: Text, permissions: Schema.Array(Pairs).check(Schema.isMaxLength(4)) })
).check(Schema.isMaxLength(8))

/** A copy is loaded; then everything is asked that was given. */
const Turn = Schema.Struct({ roles: Roles, asked: Schema.Array(Schema.Tuple([Text, Text, Text])) })

/** As they come over the wire. */
const read = (given: ReadonlyArray<unknown>): ReadonlyArray<Role> =>
  Option.getOrThrow(RoleWire.roles(JSON.parse(JSON.stringify(given))))

const rolesOf = (given: typeof Roles.Type): ReadonlyArray<Role> =>
  read(
    given.map(({ permissions, rolId }) => ({
      org_id: "o",
      rol_id: rolId,
      name: "n",
      permissions: permissions.map((pairs) => Object.fromEntries(pairs))
    }))
  )

/** With own members only, whatever they inherit. */
const flat = (it: unknown): string =>
  JSON.stringify(it, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
      : value
  )

const optional = <A>(it: Option.Option<A>): ReadonlyArray<A> => Option.toArray(it)

/** Every question about one role, key and value. */
const answers = (copy: RoleCopy, role: string, key: string, value: string): ReadonlyArray<string> =>
  [
    copy.query(),
    optional(copy.query({ role })),
    optional(copy.query({ role, key })),
    copy.query({ key }),
    copy.validate(role, key, value),
    copy.countRoles
  ].map(flat)

const object = (entries: ReadonlyArray<readonly [string, unknown]>): unknown => Object.fromEntries(entries)

/** The same by the plainest means, which share nothing with the code. */
const expected = (
  loaded: ReadonlyArray<Role>,
  role: string,
  key: string,
  value: string
): ReadonlyArray<string> => {
  const ids = [...new Set(loaded.map(({ rolId }) => rolId))]
  const pairsOf = (id: string): ReadonlyArray<readonly [string, string]> =>
    (loaded.findLast(({ rolId }) => rolId === id)?.permissions ?? []).flatMap((it) => Object.entries(it))
  const firstOf = (id: string, name: string): ReadonlyArray<string> =>
    pairsOf(id)
      .filter(([it]) => it === name)
      .slice(0, 1)
      .map(([, it]) => it)
  const allOf = (id: string) => object(pairsOf(id).toReversed())
  return [
    object(ids.map((id) => [id, allOf(id)])),
    ids.includes(role) ? [allOf(role)] : [],
    firstOf(role, key),
    object(ids.flatMap((id) => firstOf(id, key).map((it) => [id, it] as const))),
    firstOf(role, key)[0] === value,
    ids.length
  ].map(flat)
}

const role = (rol_id: string, ...permissions: ReadonlyArray<Readonly<Record<string, string>>>) => ({
  org_id: "o",
  rol_id,
  name: "n",
  permissions
})

describe("where node:sqlite is not to be had", () => {
  it.effect("inMemory: false is InvalidRequest, and inMemory: true does not look for it", () =>
    Effect.gen(function* () {
      const looked = yield* Effect.acquireRelease(
        Effect.sync(() => vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined)),
        (spy) => Effect.sync(() => spy.mockRestore())
      )
      assert.strictEqual(yield* RoleKeeping.fill(true), MemoryRoles.fill)
      assert.lengthOf(looked.mock.calls, 0)
      assert.strictEqual((yield* fails("InvalidRequest", RoleKeeping.fill(false))).field, "inMemory")
    })
  )
})

describe("a copy of roles", () => {
  it.effect.prop(
    "trustauthx-48: in memory and in SQLite it gives the same answers, whatever is loaded and asked",
    [Schema.Array(Turn).check(Schema.isMaxLength(3))],
    ([turns]) =>
      Effect.gen(function* () {
        let loading: ReadonlyArray<Role> = []
        const load = Effect.sync(() => loading)
        const edges = yield* Effect.forEach(Object.values(fills), (fill) => Edge.make({ load, fill }))
        for (const { asked, roles } of turns) {
          loading = rolesOf(roles)
          const copies = yield* Effect.forEach(edges, (edge) => edge.reload)
          const present = loading.flatMap(({ permissions, rolId }) =>
            permissions.flatMap((it) =>
              Object.entries(it).map(([key, value]) => [rolId, key, value] as const)
            )
          )
          for (const [role, key, value] of [...asked, ...present]) {
            const wanted = expected(loading, role, key, value)
            for (const copy of copies) assert.deepStrictEqual(answers(copy, role, key, value), wanted)
          }
        }
      }),
    { arbitrary: { runs: 200 } }
  )

  for (const [name, fill] of Object.entries(fills)) {
    describe(`kept ${name}`, () => {
      const copy = copyOf(
        fill,
        read([
          role("rol_mul_0000000000000001", { a: "1", b: "2" }, { a: "3" }, {}, { c: "4" }),
          role("empty"),
          role("__proto__", { ["__proto__"]: "p" }, { constructor: "c" }, { "": "" })
        ])
      )

      it("trustauthx-47: merges what a role permits, and where a key comes twice the first wins", () => {
        const found = Option.getOrThrow(copy.query({ role: "rol_mul_0000000000000001" }))
        assert.deepStrictEqual({ ...found }, { a: "1", b: "2", c: "4" })
      })

      it("trustauthx-46: a role that permits nothing is there, and permits nothing", () => {
        assert.deepStrictEqual({ ...Option.getOrThrow(copy.query({ role: "empty" })) }, {})
        assert.isFalse(copy.validate("empty", "a", "1"))
      })

      it("trustauthx-48: __proto__, constructor and the empty text are ids and keys as any other", () => {
        assert.isTrue(Option.isNone(copy.query({ role: "constructor" })))
        assert.isTrue(Option.isNone(copy.query({ role: "" })))
        assert.isTrue(Option.isNone(copy.query({ role: "", key: "" })))
        assert.isTrue(Option.isNone(copy.query({ role: "empty", key: "__proto__" })))
        assert.isTrue(Option.isNone(copy.query({ role: "empty", key: "toString" })))
        assert.deepStrictEqual(Object.entries(copy.query({ key: "toString" })), [])
        assert.deepStrictEqual(Object.entries(copy.query({ key: "" })), [["__proto__", ""]])
        assert.deepStrictEqual(Object.entries(copy.query({ key: "__proto__" })), [["__proto__", "p"]])
        assert.deepStrictEqual(copy.query({ role: "__proto__", key: "constructor" }), Option.some("c"))
        assert.isTrue(copy.validate("__proto__", "", ""))
        assert.isFalse(copy.validate("", "", ""))
        assert.strictEqual(Object.keys(copy.query()).length, 3)
      })

      it("trustauthx-49: no value is no permission, whatever role and key are", () => {
        assert.isFalse(copy.validate("unknown", "a", undefined))
        assert.isFalse(copy.validate("empty", "a", undefined))
        assert.isFalse(copy.validate("rol_mul_0000000000000001", "a", undefined))
      })

      it("trustauthx-49: what is asked for and undefined is not there, and never everything", () => {
        const asked: { role: string; key: string } = JSON.parse("{}")
        const role: string = asked.role
        assert.isTrue(Option.isNone(copy.query({ role })))
        assert.isTrue(Option.isNone(copy.query({ role, key: "a" })))
        assert.isTrue(Option.isNone(copy.query({ role: "empty", key: asked.key })))
        assert.deepStrictEqual(Object.entries(copy.query({ key: asked.key })), [])
      })

      it("trustauthx-48: what is no text, whatever the types say, is the id of no role", () => {
        const asked: { role: string } = JSON.parse("{}")
        const strange: ReadonlyArray<string> = JSON.parse('[null,1,true,[],{},["one"]]')
        const one = copyOf(fill, read([role("", { a: "1" }), role("one", { a: "1" })]))
        for (const id of [asked.role, ...strange]) {
          assert.isFalse(one.validate(id, "a", "1"))
          assert.isTrue(Option.isNone(one.query({ role: id })))
        }
      })

      it("texts are compared exactly", () => {
        assert.isFalse(copy.validate("EMPTY", "a", "1"))
        assert.isFalse(copy.validate("rol_mul_0000000000000001", "A", "1"))
        assert.isFalse(copy.validate("rol_mul_0000000000000001", "a", "01"))
      })

      it("an answer cannot change the copy", () => {
        for (const it of [
          copy.query(),
          Option.getOrThrow(copy.query({ role: "empty" })),
          copy.query({ key: "a" })
        ]) {
          assert.isTrue(Object.isFrozen(it))
        }
      })

      it.effect("a copy that was taken stays as it was when another takes its place", () =>
        Effect.gen(function* () {
          let turn = 0
          const load = Effect.sync(() => read([role("r", { turn: String(++turn) })]))
          const edge = yield* Edge.make({ load, fill })
          const first = yield* edge.copy
          yield* edge.reload
          assert.isTrue(first.validate("r", "turn", "1"))
          assert.isTrue((yield* edge.copy).validate("r", "turn", "2"))
        })
      )
    })
  }
})
