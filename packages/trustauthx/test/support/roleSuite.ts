import { assert, describe, type Vitest } from "@effect/vitest"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import type { HttpRequest } from "@latchkey/testing/HttpHandler"
import { Effect, type Layer, Option, Redacted, type Scope, Stream } from "effect"
import {
  AddedPermissions,
  type Permissions,
  RemainingPermissions,
  Role,
  type RoleError,
  TrustAuthX,
  TrustAuthXRoles
} from "../../src/index.ts"
import { Authority } from "../../src/testing.ts"
import type * as Test from "../../src/testing/TrustAuthXTest.ts"
import { fails, failsBecause } from "../../../../test/support/fails.ts"
import { until } from "../../../../test/support/until.ts"
import { body, query } from "./query.ts"

const { HttpFault } = HttpFaults

const ADMIN = "rol_adm_0000000000000001"
const EDITOR = "rol_edt_0000000000000002"

const secret = (text: string) => Redacted.make(text)

const isLoad = ({ method, path }: HttpRequest): boolean => method === "GET" && path === "/rbac/role"

interface Parts {
  readonly roles: TrustAuthXRoles["Service"]
  readonly users: TrustAuthX["Service"]
  readonly authority: Authority["Service"]
  /** How many lists of roles were asked for. */
  readonly loads: Effect.Effect<number>
}

const parts = Effect.gen(function* () {
  const authority = yield* Authority
  return {
    roles: yield* TrustAuthXRoles,
    users: yield* TrustAuthX,
    authority,
    loads: Effect.map(authority.requests, (requests) => requests.filter(isLoad).length)
  } satisfies Parts
})

/** Whoever looks for the next copy, before whatever brings it. */
const nextCopy = <A, E, R>(roles: TrustAuthXRoles["Service"], cause: Effect.Effect<A, E, R>) =>
  Effect.all([Stream.runHead(roles.changes), Effect.andThen(Effect.yieldNow, cause)], {
    concurrency: 2
  }).pipe(Effect.map(([copy]) => Option.getOrThrow(copy)))

const plain = (it: Option.Option<Permissions>) =>
  Option.getOrUndefined(Option.map(it, (found) => ({ ...found })))

const of = (orgId: string): Test.Options => ({ client: { orgId } })

/** What the roles of every service must do, whatever carries the requests, and wherever they are kept. */
export const roleSuite = (
  it: Vitest.Tester<Scope.Scope>,
  name: string,
  layer: (options?: Test.Options) => Layer.Layer<TrustAuthX | TrustAuthXRoles | Authority, unknown>,
  inMemory: boolean
): void => {
  const test = <E>(
    title: string,
    program: (parts: Parts) => Effect.Effect<void, E, Scope.Scope>,
    options?: Test.Options
  ): void =>
    it(title, () =>
      Effect.flatMap(parts, program).pipe(
        Effect.provide(layer({ ...options, client: { inMemory, ...options?.client } }))
      )
    )

  describe(`roles ${name}`, () => {
    test("trustauthx-35: getAllRoles gives all roles, with all that they permit", ({ authority, roles }) =>
      Effect.gen(function* () {
        const [admin, ...others] = yield* roles.getAllRoles()
        assert.instanceOf(admin, Role)
        assert.deepStrictEqual([admin?.orgId, admin?.rolId, admin?.name], ["org_main", ADMIN, "admin"])
        assert.deepStrictEqual(
          admin?.permissions.map((it) => ({ ...it })),
          [{ users: "manage" }, { docs: "write" }, { billing: "read" }]
        )
        assert.deepStrictEqual(
          others.map((it) => it.name),
          ["editor", "viewer"]
        )
        const [asked] = yield* authority.requests
        assert.deepStrictEqual([asked?.method, asked?.path], ["GET", "/rbac/role"])
        assert.deepStrictEqual(
          query(asked).map(([key]) => key),
          ["org_id", "api_key", "signed_key"]
        )
        assert.strictEqual(asked?.body.length, 0)
        assert.isFalse(asked?.headers.has("authorization"))
      }))

    test("getAllRoles of another organization asks for that one", ({ authority, roles }) =>
      Effect.gen(function* () {
        const [only] = yield* roles.getAllRoles({ orgId: "org_two" })
        assert.strictEqual(only?.orgId, "org_two")
        assert.strictEqual(query((yield* authority.requests)[0])[0]?.[1], "org_two")
      }))

    test("trustauthx-36: addRole sends one object for each permission, and the copy holds the role", ({
      authority,
      loads,
      roles
    }) =>
      Effect.gen(function* () {
        yield* roles.countRoles()
        const permissions: Permissions = JSON.parse('{"a":"1","__proto__":"2"}')
        const role = yield* roles.addRole({ name: "new ☃", permissions })
        assert.strictEqual(role.name, "new ☃")
        const sent = (yield* authority.requests).find(({ method }) => method === "POST")
        assert.strictEqual(sent?.path, "/rbac/role")
        assert.match(sent?.headers.get("content-type") ?? "", /^application\/json\b/)
        assert.strictEqual(query(sent)[0]?.join("="), "org_id=org_main")
        assert.strictEqual(
          Buffer.from(sent?.body ?? []).toString(),
          '{"org_id":"org_main","name":"new ☃","permissions":[{"a":"1"},{"__proto__":"2"}]}'
        )
        assert.isTrue(yield* roles.validate(role.rolId, "__proto__", "2"))
        assert.strictEqual(yield* roles.countRoles(), 4)
        assert.strictEqual(yield* loads, 2)
      }))

    test("trustauthx-37: addPermission gives only what was added, and the copy has it", ({
      authority,
      loads,
      roles
    }) =>
      Effect.gen(function* () {
        assert.isTrue(Option.isNone(yield* roles.query({ role: EDITOR, key: "extra" })))
        const added = yield* roles.addPermission({ rolId: EDITOR, permissions: { extra: "yes" } })
        assert.instanceOf(added, AddedPermissions)
        assert.deepStrictEqual(
          added.permissions.map((it) => ({ ...it })),
          [{ extra: "yes" }]
        )
        assert.deepStrictEqual(yield* roles.query({ role: EDITOR, key: "extra" }), Option.some("yes"))
        const sent = (yield* authority.requests).find(({ method }) => method === "POST")
        assert.strictEqual(sent?.path, "/rbac/permission")
        assert.deepStrictEqual(body(sent), {
          org_id: "org_main",
          rol_id: EDITOR,
          permissions: [{ extra: "yes" }]
        })
        assert.strictEqual(yield* loads, 2)
      }))

    test("trustauthx-38: deletePermission sends its body with DELETE, and gives what is left", ({
      authority,
      roles
    }) =>
      Effect.gen(function* () {
        assert.isTrue(yield* roles.validate(ADMIN, "docs", "write"))
        const left = yield* roles.deletePermission({ rolId: ADMIN, permissions: { docs: "write" } })
        assert.instanceOf(left, RemainingPermissions)
        assert.deepStrictEqual(
          left.permissions.map((it) => ({ ...it })),
          [{ users: "manage" }, { billing: "read" }]
        )
        assert.isFalse(yield* roles.validate(ADMIN, "docs", "write"))
        const sent = (yield* authority.requests).find(({ method }) => method === "DELETE")
        assert.strictEqual(sent?.path, "/rbac/permission")
        assert.match(sent?.headers.get("content-type") ?? "", /^application\/json\b/)
        assert.deepStrictEqual(body(sent), {
          org_id: "org_main",
          rol_id: ADMIN,
          permissions: [{ docs: "write" }]
        })
      }))

    test("trustauthx-39: deleteRole sends its body with DELETE; a second time there is no such role", ({
      authority,
      loads,
      roles
    }) =>
      Effect.gen(function* () {
        yield* roles.countRoles()
        assert.strictEqual((yield* roles.deleteRole({ rolId: EDITOR })).name, "editor")
        assert.isTrue(Option.isNone(yield* roles.query({ role: EDITOR })))
        const sent = (yield* authority.requests).find(({ method }) => method === "DELETE")
        assert.deepStrictEqual(body(sent), { org_id: "org_main", rol_id: EDITOR })
        const error = yield* fails("InvalidRequest", roles.deleteRole({ rolId: EDITOR }))
        assert.strictEqual(error.field, "rolId")
        assert.strictEqual(yield* loads, 2)
      }))

    test("what is not there is InvalidRequest, whose field names it", ({ roles }) =>
      Effect.gen(function* () {
        const permissions = { docs: "read" }
        const missing: ReadonlyArray<readonly [string, Effect.Effect<unknown, RoleError>]> = [
          ["rolId", roles.deleteRole({ rolId: "unknown" })],
          ["rolId", roles.addPermission({ rolId: "unknown", permissions })],
          ["rolId", roles.deletePermission({ rolId: "unknown", permissions })],
          ["orgId", roles.addRole({ orgId: "org_unknown", name: "n", permissions })],
          ["orgId", roles.getAllRoles({ orgId: "org_unknown" })]
        ]
        for (const [field, operation] of missing) {
          assert.strictEqual((yield* fails("InvalidRequest", operation)).field, field)
        }
      }))

    test("a change to another organization leaves the copy alone", ({ loads, roles }) =>
      Effect.gen(function* () {
        yield* roles.countRoles()
        const role = yield* roles.addRole({ orgId: "org_two", name: "n", permissions: {} })
        yield* roles.deleteRole({ orgId: "org_two", rolId: role.rolId })
        yield* fails("InvalidRequest", roles.deleteRole({ orgId: "org_two", rolId: ADMIN }))
        assert.strictEqual(yield* loads, 1)
      }))

    test(
      "trustauthx-46: a role that permits nothing answers an empty object",
      ({ roles }) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(plain(yield* roles.query({ role: "rol_non_0000000000000001" })), {})
          assert.isFalse(yield* roles.validate("rol_non_0000000000000001", "docs", "read"))
        }),
      of("org_noperm")
    )

    test(
      "trustauthx-47: what several objects permit is one, and the first wins",
      ({ roles }) =>
        Effect.gen(function* () {
          const found = yield* roles.query({ role: "rol_mul_0000000000000001" })
          assert.deepStrictEqual(plain(found), { a: "1", b: "2", c: "4" })
        }),
      of("org_multi")
    )

    test("trustauthx-48: every question has its answer", ({ roles }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(Object.keys(yield* roles.query()).toSorted(), [
          ADMIN,
          EDITOR,
          "rol_vwr_0000000000000003"
        ])
        assert.deepStrictEqual(plain(yield* roles.query({ role: EDITOR })), { docs: "write" })
        assert.deepStrictEqual(yield* roles.query({ role: EDITOR, key: "docs" }), Option.some("write"))
        assert.isTrue(Option.isNone(yield* roles.query({ role: EDITOR, key: "users" })))
        assert.deepStrictEqual(
          { ...(yield* roles.query({ key: "docs" })) },
          {
            [ADMIN]: "write",
            [EDITOR]: "write",
            rol_vwr_0000000000000003: "read"
          }
        )
        assert.isTrue(yield* roles.validate(EDITOR, "docs", "write"))
        assert.isFalse(yield* roles.validate(EDITOR, "docs", "read"))
        assert.isTrue(Option.isNone(yield* roles.query({ role: "" })))
        assert.isTrue(Option.isNone(yield* roles.query({ role: "__proto__" })))
        assert.deepStrictEqual(Object.keys(yield* roles.query({ key: "" })), [])
        assert.isFalse(yield* roles.validate(EDITOR, "constructor", "write"))
        assert.strictEqual(yield* roles.countRoles(), 3)
        const copy = yield* roles.snapshot()
        assert.isTrue(copy.validate(EDITOR, "docs", "write"))
      }))

    test(
      "trustauthx-48: ids and keys may be __proto__ and constructor",
      ({ roles }) =>
        Effect.gen(function* () {
          assert.isTrue(yield* roles.validate("__proto__", "__proto__", "p"))
          assert.isTrue(yield* roles.validate("constructor", "toString", "t"))
          assert.isTrue(yield* roles.validate("__proto__", "", "nothing"))
          assert.isFalse(yield* roles.validate("toString", "name", "toString"))
          assert.deepStrictEqual(Object.entries(yield* roles.query({ key: "constructor" })), [
            ["__proto__", "c"]
          ])
        }),
      of("org_odd")
    )

    test("trustauthx-49: nobody has a permission without a value", ({ roles }) =>
      Effect.gen(function* () {
        assert.isFalse(yield* roles.validate("unknown", "docs", undefined))
        assert.isFalse(yield* roles.validate(EDITOR, "unknown", undefined))
        assert.isFalse(yield* roles.validate(EDITOR, "docs", undefined))
        assert.isFalse(yield* roles.validate(EDITOR, "docs", undefined, { maxAge: 0 }))
      }))

    test(
      "an organization without roles is loaded once",
      ({ loads, roles }) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* roles.countRoles(), 0)
          assert.isFalse(yield* roles.validate(EDITOR, "docs", "write"))
          assert.strictEqual(yield* loads, 1)
        }),
      of("org_none")
    )

    for (const edge of ["always", "roles"] as const) {
      test(
        `trustauthx-50: a role that was added elsewhere is loaded once, by the next answer (X-EDGE: ${edge})`,
        ({ authority, loads, roles, users }) =>
          Effect.gen(function* () {
            assert.strictEqual(yield* roles.countRoles(), 3)
            const rolId = yield* authority.addRole("org_main", "elsewhere", { docs: "read" })
            const copy = yield* nextCopy(roles, users.validateAccessToken(secret("at-valid")))
            assert.isTrue(copy.validate(rolId, "docs", "read"))
            assert.isTrue(yield* roles.validate(rolId, "docs", "read"))
            yield* users.validateAccessToken(secret("at-valid"))
            yield* users.attachRole({ uid: "uid_ann", rolIds: rolId })
            yield* roles.getAllRoles()
            assert.strictEqual(yield* loads, 3)
          }),
        { edge }
      )
    }

    test("trustauthx-50: any answer will do, that of a failure included", ({ authority, roles, users }) =>
      Effect.gen(function* () {
        yield* roles.countRoles()
        const code = yield* authority.signIn("uid_ann")
        const others: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          users.getUser(code),
          users.getUser(secret("code-badsig")),
          users.getAccessTokenFromRefreshToken(secret("rt-expired")),
          users.getUserData(secret("at-500")),
          users.revokeToken({ accessToken: secret("at-valid") }),
          users.attachRole({ uid: "uid_nobody", rolIds: EDITOR }),
          roles.deleteRole({ rolId: "unknown" })
        ]
        let count = 3
        for (const other of others) {
          yield* authority.addRole("org_main", "elsewhere", {})
          const copy = yield* nextCopy(roles, Effect.exit(other))
          assert.strictEqual(copy.countRoles, ++count)
        }
      }))

    test("trustauthx-51: what is no count changes nothing, and a wrong one loops for nobody", ({
      loads,
      roles,
      users
    }) =>
      Effect.gen(function* () {
        yield* roles.countRoles()
        assert.isFalse(yield* users.validateAccessToken(secret("at-unknown")))
        for (const token of ["at-edgebad", "at-edgeneg"]) {
          assert.isTrue(yield* users.validateAccessToken(secret(token)))
        }
        assert.strictEqual(yield* loads, 1)
        yield* nextCopy(roles, users.validateAccessToken(secret("at-edge99")))
        assert.strictEqual(yield* loads, 2)
        yield* nextCopy(roles, users.validateAccessToken(secret("at-edge99")))
        yield* roles.getAllRoles()
        assert.strictEqual(yield* loads, 4)
      }))

    test("trustauthx-52: where a renewal fails, the operation succeeds and the old copy answers", ({
      authority,
      loads,
      roles,
      users
    }) =>
      Effect.gen(function* () {
        yield* roles.countRoles()
        yield* authority.faults.push(HttpFault.Status({ status: 500 }), { path: "/rbac/role" })
        assert.isTrue(yield* users.validateAccessToken(secret("at-edge99")))
        yield* until(Effect.map(authority.faults.pending, (pending) => pending === 0))
        assert.isTrue(yield* roles.validate(EDITOR, "docs", "write"))
        yield* authority.faults.push(HttpFault.Status({ status: 500 }), { path: "/rbac/role" })
        const added = yield* roles.addPermission({ rolId: EDITOR, permissions: { extra: "yes" } })
        assert.strictEqual(added.rolId, EDITOR)
        assert.isFalse(yield* roles.validate(EDITOR, "extra", "yes"))
        yield* nextCopy(roles, users.validateAccessToken(secret("at-valid")))
        assert.isTrue(yield* roles.validate(EDITOR, "extra", "yes"))
        assert.strictEqual(yield* loads, 4)
      }))

    test("trustauthx-54: eight questions at once are one load", ({ loads, roles }) =>
      Effect.gen(function* () {
        const asked = Array.from({ length: 8 }, () => roles.validate(EDITOR, "docs", "write"))
        const answers = yield* Effect.all(asked, { concurrency: "unbounded" })
        assert.isTrue(answers.every((it) => it))
        assert.strictEqual(yield* loads, 1)
      }))

    const fatal: ReadonlyArray<readonly [string, RoleError["_tag"]]> = [
      ["org_f_401", "PermissionDenied"],
      ["org_f_500", "ServerError"],
      ["org_f_204", "InvalidResponse"],
      ["org_f_html", "InvalidResponse"],
      ["org_f_malformed", "InvalidResponse"],
      ["org_f_object", "InvalidResponse"],
      ["org_f_missing", "InvalidResponse"],
      ["org_f_number", "InvalidResponse"],
      ["org_unknown", "InvalidRequest"]
    ]
    for (const [orgId, tag] of fatal) {
      test(
        `trustauthx-55: the first question about ${orgId} is ${tag}, and so is the second`,
        ({ loads, roles }) =>
          Effect.gen(function* () {
            yield* fails(tag, roles.validate(EDITOR, "docs", "write"))
            yield* fails(tag, roles.query())
            assert.strictEqual(yield* loads, 2)
          }),
        of(orgId)
      )
    }

    for (const orgId of ["org_f_extra", "org_f_nullperm"]) {
      test(
        `trustauthx-55: ${orgId} is loaded`,
        ({ roles }) =>
          Effect.gen(function* () {
            assert.strictEqual(yield* roles.countRoles(), 1)
          }),
        of(orgId)
      )
    }

    test(
      "trustauthx-56: with a wrong secret every operation on roles is PermissionDenied",
      ({ roles }) =>
        Effect.gen(function* () {
          yield* fails("PermissionDenied", roles.getAllRoles())
          yield* fails("PermissionDenied", roles.addRole({ name: "n", permissions: {} }))
          yield* fails("PermissionDenied", roles.deleteRole({ rolId: EDITOR }))
          yield* fails("PermissionDenied", roles.addPermission({ rolId: EDITOR, permissions: {} }))
          yield* fails("PermissionDenied", roles.deletePermission({ rolId: EDITOR, permissions: {} }))
          yield* fails("PermissionDenied", roles.query())
          yield* fails("PermissionDenied", roles.validate(EDITOR, "docs", "write"))
          yield* fails("PermissionDenied", roles.countRoles())
          yield* fails("PermissionDenied", roles.snapshot())
          yield* fails("PermissionDenied", roles.reload)
        }),
      { client: { secretKey: secret("sk_main_wrong") } }
    )

    test("trustauthx-57: a redirect is not followed", ({ authority, roles }) =>
      Effect.gen(function* () {
        const location = "https://elsewhere.invalid/rbac/role?api_key=ak_main"
        yield* authority.faults.push(HttpFault.Redirect({ location, status: 307 }), { times: 2 })
        const error = yield* failsBecause("UnexpectedRedirect", roles.deleteRole({ rolId: EDITOR }))
        assert.notInclude(JSON.stringify(error), "ak_main=")
        yield* failsBecause("UnexpectedRedirect", roles.query())
        assert.lengthOf(yield* authority.requests, 2)
      }))

    test("P34: a permission that was taken away elsewhere is denied within the maximum age", ({
      authority,
      loads,
      roles
    }) =>
      Effect.gen(function* () {
        assert.isTrue(yield* roles.validate(EDITOR, "docs", "write"))
        yield* authority.setPermissions("org_main", EDITOR, { docs: "read" })
        assert.isTrue(yield* roles.validate(EDITOR, "docs", "write", { maxAge: "1 hour" }))
        yield* roles.reload
        assert.isFalse(yield* roles.validate(EDITOR, "docs", "write", { maxAge: "1 hour" }))
        assert.strictEqual(yield* loads, 2)
        assert.isTrue(Option.isSome(yield* roles.age))
      }))

    test("arguments that cannot work are InvalidRequest, and nothing is sent", ({ authority, roles }) =>
      Effect.gen(function* () {
        const wrong: Permissions = JSON.parse('{"a":1}')
        const refused: ReadonlyArray<readonly [string, Effect.Effect<unknown, RoleError>]> = [
          ["name", roles.addRole({ name: "", permissions: {} })],
          ["permissions", roles.addRole({ name: "n", permissions: wrong })],
          ["permissions", roles.addPermission({ rolId: EDITOR, permissions: wrong })],
          ["permissions", roles.deletePermission({ rolId: EDITOR, permissions: JSON.parse("null") })],
          ["permissions", roles.deletePermission({ rolId: EDITOR, permissions: JSON.parse("[]") })],
          ["rolId", roles.addPermission({ rolId: "", permissions: {} })],
          ["rolId", roles.deletePermission({ rolId: "", permissions: {} })],
          ["rolId", roles.deleteRole({ rolId: "" })],
          ["rolId", roles.deleteRole({ rolId: JSON.parse("[]") })],
          ["orgId", roles.getAllRoles({ orgId: "" })],
          ["maxAge", roles.query({ maxAge: -1 })],
          ["maxAge", roles.validate(EDITOR, "a", "1", { maxAge: "-1 seconds" })],
          ["maxAge", roles.countRoles({ maxAge: -1 })],
          ["maxAge", roles.snapshot({ maxAge: -1 })]
        ]
        for (const [field, operation] of refused) {
          assert.strictEqual((yield* fails("InvalidRequest", operation)).field, field)
        }
        assert.isEmpty(yield* authority.requests)
      }))
  })
}
