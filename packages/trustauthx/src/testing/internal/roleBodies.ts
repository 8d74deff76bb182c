/** What a simulated service wants in the bodies of requests about roles, and what it says to one that does not fit. */
import { type HttpRequest, type HttpResponse, json } from "@latchkey/testing/HttpHandler"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

export type Permissions = Readonly<Record<string, string>>

const isPermission = (value: unknown): value is Permissions =>
  Predicate.isObject(value) && Object.values(value).every(Predicate.isString)

const isPermissions = (value: unknown): value is ReadonlyArray<Permissions> =>
  Array.isArray(value) && value.every(isPermission)

const Ids = Schema.Array(Schema.String)
const permissions = Schema.declare(isPermissions)
const role = { org_id: Schema.String, rol_id: Schema.String }

const NewRole = Schema.Struct({ org_id: Schema.String, name: Schema.String, permissions })
const OldRole = Schema.Struct(role)
const Change = Schema.Struct({ ...role, permissions })
const Assignment = Schema.Struct({
  uid: Schema.String,
  rol_id: Ids,
  inplace: Ids,
  signoff_session_and_assign: Schema.Boolean,
  AccessToken: Schema.NullOr(Schema.String),
  RefreshToken: Schema.NullOr(Schema.String)
})

export const unprocessable = (...loc: ReadonlyArray<string>): HttpResponse =>
  json(422, { detail: [{ loc, msg: "not valid", type: "value_error" }] })

/** Undefined where it is not JSON, or does not say so. */
export const bodyOf = ({ body, headers }: HttpRequest): unknown =>
  /^application\/json\b/i.test(headers.get("content-type") ?? "")
    ? Option.getOrUndefined(Option.liftThrowable(JSON.parse)(Buffer.from(body).toString("utf8")))
    : undefined

/** Answers a body that fits; of another it names the first member that is not there. */
const fitting =
  <A>(members: object, decode: (body: unknown) => Option.Option<A>) =>
  (request: HttpRequest, answer: (body: A) => HttpResponse): HttpResponse => {
    const given = bodyOf(request)
    return Option.match(decode(given), {
      onNone: () => {
        const missing = Object.keys(members).find((member) => !Predicate.hasProperty(given, member))
        return missing === undefined ? unprocessable("body") : unprocessable("body", missing)
      },
      onSome: answer
    })
  }

export const newRole = fitting(NewRole.fields, Schema.decodeUnknownOption(NewRole))

export const oldRole = fitting(OldRole.fields, Schema.decodeUnknownOption(OldRole))

export const change = fitting(Change.fields, Schema.decodeUnknownOption(Change))

export const assignment = fitting(Assignment.fields, Schema.decodeUnknownOption(Assignment))
