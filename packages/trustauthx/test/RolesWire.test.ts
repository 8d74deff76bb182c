import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import * as RoleWire from "../src/internal/roleWire.ts"

const role = { org_id: "o", rol_id: "r", name: "n", permissions: [{ a: "1" }] }

const readers = {
  roles: RoleWire.roles,
  role: RoleWire.role,
  added: RoleWire.added,
  remaining: RoleWire.remaining
}

describe("what the service sends about roles", () => {
  it.prop("no JSON makes a reader throw", [Schema.Json], ([json]) => {
    for (const read of Object.values(readers)) read(json)
  })

  it("trustauthx-55: members that nobody knows are left alone, and no permissions are an empty list", () => {
    const [extra, empty] = Option.getOrThrow(
      RoleWire.roles([
        { ...role, created_at: 1, permissions: [{ a: "1" }] },
        { ...role, permissions: null }
      ])
    )
    assert.deepStrictEqual(Object.keys(extra ?? {}).toSorted(), ["name", "orgId", "permissions", "rolId"])
    assert.deepStrictEqual(empty?.permissions, [])
  })

  const { name: _, ...nameless } = role
  const { org_id: __, ...homeless } = role
  const { rol_id: ___, ...anonymous } = role
  const { permissions: ____, ...powerless } = role

  for (const [what, wrong] of Object.entries<unknown>({
    "no name": nameless,
    "no organization": homeless,
    "no id": anonymous,
    "no list of permissions": powerless,
    "an id that is a number": { ...role, rol_id: 1 },
    "a permission that is a text": { ...role, permissions: ["a"] },
    "a permission that is a list": { ...role, permissions: [["a", "1"]] },
    "a permission that is null": { ...role, permissions: [null] },
    "permissions in one object": { ...role, permissions: { a: "1" } },
    "a value that is a number": { ...role, permissions: [{ a: 1 }] },
    "a value that is a truth": { ...role, permissions: [{ a: true }] },
    "a value that is null": { ...role, permissions: [{ a: "1", b: null }] },
    "no object": "role",
    nothing: null,
    "a list": [role]
  })) {
    it(`a role with ${what} is not understood, and neither is a list with such a role in it`, () => {
      assert.isTrue(Option.isNone(RoleWire.role(wrong)))
      assert.isTrue(Option.isNone(RoleWire.roles([role, wrong])))
    })
  }

  it("what is no list is not understood as a list of roles", () => {
    for (const it of [null, {}, { 0: role, length: 1 }, "[]", { roles: [] }]) {
      assert.isTrue(Option.isNone(RoleWire.roles(it)))
    }
    assert.deepStrictEqual(RoleWire.roles([]), Option.some([]))
  })

  it("an answer to a change of permissions needs no name", () => {
    assert.isTrue(Option.isSome(RoleWire.added(nameless)))
    assert.isTrue(Option.isSome(RoleWire.remaining(nameless)))
    for (const it of [homeless, anonymous, powerless]) {
      assert.isTrue(Option.isNone(RoleWire.added(it)))
      assert.isTrue(Option.isNone(RoleWire.remaining(it)))
    }
  })

  it("a permission inherits nothing, and __proto__ is a key of it", () => {
    const read = Option.getOrThrow(RoleWire.permission(JSON.parse('{"__proto__":"p"}')))
    assert.strictEqual(read["__proto__"], "p")
    assert.isUndefined(read["constructor"])
  })

  it("trustauthx-36: permissions travel one by one, whatever their keys", () => {
    const given: Readonly<Record<string, string>> = JSON.parse('{"a":"1","b":"2","__proto__":"3","":"4"}')
    assert.strictEqual(
      JSON.stringify(RoleWire.listed(given)),
      '[{"a":"1"},{"b":"2"},{"__proto__":"3"},{"":"4"}]'
    )
  })
})
