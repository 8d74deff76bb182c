/** Which roles a user is given and loses (contract, section 4.2). */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { RoleAssignment, SignOffSessionReplace, type SignOff } from "../RoleAssignment.ts"
import type { Tokens } from "../Tokens.ts"
import type { AssignError, ChangeRoles, ReplaceError } from "../TrustAuthX.ts"
import * as Answer from "./answer.ts"
import * as Arguments from "./arguments.ts"
import type { Ask } from "./ask.ts"
import { Sendable } from "./claims.ts"
import { OwnAnswer } from "./ownAnswer.ts"
import { traced } from "./traced.ts"

interface Change {
  readonly uid: string
  readonly orgId?: string
}

/** What is given and what is taken away; an operation has one or both. */
export interface Lists {
  readonly add?: string | ReadonlyArray<string>
  readonly remove?: string | ReadonlyArray<string>
}

const Replaced = Schema.Struct({
  uid: Schema.NonEmptyString,
  access_token: Sendable,
  refresh_token: Sendable,
  role: Schema.Array(Schema.String)
})

const Assigned = Schema.Record(Schema.String, Schema.Unknown)

const decodeReplaced = Schema.decodeUnknownOption(Replaced)

const decodeAssigned = Schema.decodeUnknownOption(Assigned)

const decodeRoles = Schema.decodeUnknownOption(Schema.Array(Schema.String))

const replaced = (value: unknown): Option.Option<SignOffSessionReplace> =>
  Option.map(
    decodeReplaced(value),
    ({ access_token, refresh_token, role, uid }) =>
      new SignOffSessionReplace({
        uid,
        accessToken: Redacted.make(access_token),
        refreshToken: Redacted.make(refresh_token),
        role
      })
  )

const assigned = (value: unknown): Option.Option<RoleAssignment> =>
  Option.map(
    decodeAssigned(value),
    (raw) =>
      new RoleAssignment({
        uid: typeof raw["uid"] === "string" ? raw["uid"] : undefined,
        role: Option.getOrUndefined(decodeRoles(raw["role"])),
        raw: Redacted.make(raw, { label: "answer" })
      })
  )

export const make = ({ orgId, send, where }: Ask) => {
  const post = Effect.fnUntraced(function* <S extends "token" | "application">(
    change: Change,
    lists: Lists,
    sent: S,
    tokens?: readonly [access: Redacted.Redacted<string>, refresh: Redacted.Redacted<string>]
  ) {
    const uid = yield* Arguments.text(where, "uid", change.uid)
    const isUpdate = "add" in lists && "remove" in lists
    const listOf = (name: "add" | "remove") =>
      name in lists ? Arguments.ids(where, isUpdate ? name : "rolIds", lists[name]) : Effect.succeed([])
    const add = yield* listOf("add")
    const remove = yield* listOf("remove")
    if (add.length + remove.length === 0) {
      return yield* Arguments.invalid(
        where,
        isUpdate ? "add" : "rolIds",
        "name a role to attach or to remove"
      )
    }
    const org = yield* Arguments.organization(where, change.orgId ?? orgId)
    const asked = send(
      {
        method: "POST",
        path: "/rbac/assign/permission",
        query: { first: [["org_id", org]] },
        body: {
          uid,
          rol_id: add,
          inplace: remove,
          signoff_session_and_assign: tokens !== undefined,
          AccessToken: tokens === undefined ? null : Redacted.value(tokens[0]),
          RefreshToken: tokens === undefined ? null : Redacted.value(tokens[1])
        }
      },
      Answer.value(where, { sent, named: "uid" })
    )
    // The copy of the roles is not about other organizations, and neither is what their answers count.
    return yield* org === orgId ? asked : Effect.provideService(asked, OwnAnswer, { header: undefined })
  })

  const replacing = Effect.fnUntraced(function* (change: Change, tokens: Tokens, lists: Lists) {
    yield* Arguments.tokens(where, tokens)
    const access = yield* Arguments.secret(where, "accessToken", tokens.accessToken)
    const refresh = yield* Arguments.secret(where, "refreshToken", tokens.refreshToken)
    return yield* Answer.understood(where, replaced(yield* post(change, lists, "token", [access, refresh])))
  })

  const assigning = Effect.fnUntraced(function* (change: Change, lists: Lists) {
    return yield* Answer.understood(where, assigned(yield* post(change, lists, "application")))
  })

  return <C extends Change>(name: string, listsOf: (change: C) => Lists): ChangeRoles<C> => {
    function change(given: C & SignOff): Effect.Effect<SignOffSessionReplace, ReplaceError>
    function change(given: C & { readonly signOff?: undefined }): Effect.Effect<RoleAssignment, AssignError>
    function change(
      given: C & { readonly signOff?: Tokens | undefined }
    ): Effect.Effect<RoleAssignment | SignOffSessionReplace, AssignError | ReplaceError> {
      const { signOff } = given
      return signOff === undefined
        ? traced(name, assigning(given, listsOf(given)))
        : traced(name, replacing(given, signOff, listsOf(given)))
    }
    return change
  }
}
