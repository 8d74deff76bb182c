import type { Duration, Effect, Option } from "effect"
import { expectTypeOf, test } from "@effect/vitest"
import type {
  AddedPermissions,
  Permissions,
  RemainingPermissions,
  Role,
  RoleCopy,
  RoleError,
  TrustAuthXRoles
} from "../src/index.ts"

declare const roles: TrustAuthXRoles["Service"]
declare const copy: RoleCopy

test("what is asked decides what is answered", () => {
  expectTypeOf(roles.query()).toEqualTypeOf<Effect.Effect<Readonly<Record<string, Permissions>>, RoleError>>()
  expectTypeOf(roles.query({ maxAge: "1 minute" })).toEqualTypeOf<
    Effect.Effect<Readonly<Record<string, Permissions>>, RoleError>
  >()
  expectTypeOf(roles.query({ role: "r" })).toEqualTypeOf<
    Effect.Effect<Option.Option<Permissions>, RoleError>
  >()
  expectTypeOf(roles.query({ role: "r", key: "k", maxAge: 0 })).toEqualTypeOf<
    Effect.Effect<Option.Option<string>, RoleError>
  >()
  expectTypeOf(roles.query({ key: "k" })).toEqualTypeOf<
    Effect.Effect<Readonly<Record<string, string>>, RoleError>
  >()
  expectTypeOf(copy.query({ role: "r" })).toEqualTypeOf<Option.Option<Permissions>>()
  expectTypeOf(copy.query({ role: "r", key: "k" })).toEqualTypeOf<Option.Option<string>>()
  expectTypeOf(copy.validate("r", "k", undefined)).toEqualTypeOf<boolean>()
})

test("nothing is everything by mistake", () => {
  const maybe: { role?: string } = {}
  // @ts-expect-error: a role that may not be there is not "every role"
  roles.query(maybe)
  // @ts-expect-error: neither is undefined
  roles.query({ role: undefined })
  // @ts-expect-error: nor what is misspelt
  roles.query({ rol: "r" })
  // @ts-expect-error: neither for a copy
  copy.query({ role: undefined })
})

test("each operation lists its own failures", () => {
  expectTypeOf<RoleError["_tag"]>().toEqualTypeOf<
    "TransportError" | "ServerError" | "InvalidRequest" | "InvalidResponse" | "PermissionDenied"
  >()
  expectTypeOf(roles.addRole({ name: "n", permissions: {} })).toEqualTypeOf<Effect.Effect<Role, RoleError>>()
  expectTypeOf(roles.addPermission({ rolId: "r", permissions: {} })).toEqualTypeOf<
    Effect.Effect<AddedPermissions, RoleError>
  >()
  expectTypeOf(roles.deletePermission({ rolId: "r", permissions: {} })).toEqualTypeOf<
    Effect.Effect<RemainingPermissions, RoleError>
  >()
  expectTypeOf(roles.age).toEqualTypeOf<Effect.Effect<Option.Option<Duration.Duration>>>()
})
