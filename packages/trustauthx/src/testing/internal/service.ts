/** The whole simulated service, as a function of a request and the time. */
import { type HttpRequest, type HttpResponse, json } from "@latchkey/testing/HttpHandler"
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import type { EdgeMode, NewUser, Options } from "../Authority.ts"
import * as LoginPage from "./loginPage.ts"
import * as Magic from "./magic.ts"
import * as Organizations from "./organizations.ts"
import * as People from "./people.ts"
import { isSignedBy } from "./signed.ts"
import * as Tokens from "./tokens.ts"
import * as UserReplies from "./userReplies.ts"

interface Application {
  readonly secret: string
  /** Whose roles `X-EDGE` counts where a request names no organization. */
  readonly orgId: string
}

const APPLICATIONS: ReadonlyMap<string, Application> = new Map([
  ["ak_main", { secret: "sk_main_0123456789abcdef", orgId: "org_main" }],
  ["ak_two", { secret: "sk_two_fedcba9876543210", orgId: "org_two" }]
])

const REFRESH_LIFE = Duration.toMillis(Duration.days(30))

const LOGIN = "/widget/login/"

interface State {
  edits: boolean
  edge: EdgeMode
  callback: string
}

export interface Service {
  readonly reply: (request: HttpRequest, now: number) => HttpResponse
  readonly addUser: (user: NewUser) => void
  readonly removeUser: (uid: string) => void
  readonly signIn: (uid: string) => string
  readonly edit: (accessToken: string, now: number) => string
  readonly state: State
  readonly tokens: Tokens.Tokens
  readonly organizations: Organizations.Organizations
}

const queryOf = (request: HttpRequest): URLSearchParams => new URLSearchParams(request.query)

/** The code or token that a request is about: it comes first. */
const subject = (request: HttpRequest | undefined): string =>
  request === undefined ? "" : ([...queryOf(request)][0]?.[1] ?? "")

export const breaks = (request: HttpRequest | undefined): boolean =>
  /^(?:code|at|rt)-reset$/.test(subject(request))

export const isSlow = (request: HttpRequest): boolean => /^(?:code|at|rt)-slow$/.test(subject(request))

const person = ({ email, img, name, password, scope, uid }: NewUser): People.Person => ({
  uid,
  email,
  password: Redacted.value(password),
  name: name ?? null,
  img: img ?? null,
  scope: scope ?? People.SCOPE
})

/** The application whose keys came along. */
const asking = (query: URLSearchParams): Application | undefined => {
  const apiKey = query.get("api_key") ?? ""
  const application = APPLICATIONS.get(apiKey)
  return application && isSignedBy(query.get("signed_key") ?? "", apiKey, application.secret)
    ? application
    : undefined
}

export const make = (options: Options): Service => {
  const life = {
    access: Duration.toMillis(Duration.fromInputUnsafe(options.life ?? Duration.hours(1))),
    refresh: REFRESH_LIFE
  }
  const tokens = Tokens.make(life)
  const organizations = Organizations.make()
  const people = new Map((options.users?.map(person) ?? [People.ann, People.zoe]).map((it) => [it.uid, it]))
  const state: State = {
    edits: true,
    edge: options.edge ?? "always",
    callback: new URL(options.callback ?? "http://localhost:3000/callback").href
  }

  const door = (): LoginPage.Door => ({
    isOrganization: (orgId) => organizations.count(orgId) !== undefined,
    callback: state.callback,
    signIn: (email, password) => {
      const found = [...people.values()].find((it) => it.email === email && it.password === password)
      return found && tokens.code("login", found.uid)
    }
  })

  const answer = (request: HttpRequest, application: Application, now: number): HttpResponse =>
    organizations.reply(request, {
      refusal: (uid) =>
        Magic.status(uid) ?? (people.has(uid) ? undefined : json(404, { detail: "User not found" })),
      signOff: (uid, accessToken, refreshToken) => {
        const pair = tokens.replace(uid, { accessToken, refreshToken }, now)
        return pair && { access_token: pair.accessToken, refresh_token: pair.refreshToken }
      }
    }) ??
    UserReplies.reply(request, {
      tokens,
      person: (uid) => {
        const found = people.get(uid)
        return found && { ...found, scope: [...found.scope, ...organizations.rolesOf(uid)] }
      },
      secret: application.secret,
      now,
      life,
      edits: state.edits
    }) ??
    json(404, { detail: "Not Found" })

  /** The number of roles, where the service tells it. */
  const edge = (request: HttpRequest, application: Application): string | undefined => {
    const magic = Magic.edge(subject(request))
    if (magic !== undefined) return magic
    const isListOfRoles = request.method === "GET" && request.path === "/rbac/role"
    if (state.edge === "never" || (isListOfRoles && state.edge !== "roles")) return undefined
    return organizations.count(queryOf(request).get("org_id") ?? application.orgId)?.toString()
  }

  return {
    state,
    tokens,
    organizations,
    addUser: (user) => void people.set(user.uid, person(user)),
    removeUser: (uid) => {
      people.delete(uid)
      tokens.endAll(uid)
    },
    signIn: (uid) => {
      if (!people.has(uid)) throw new Error(`there is no user ${uid}`)
      return tokens.code("login", uid)
    },
    edit: (accessToken, now) => {
      const uid = tokens.whose(accessToken, now)
      if (uid === undefined) throw new Error("the access token is not good")
      return tokens.code("settings", uid)
    },
    reply: (request, now) => {
      if (request.path === LOGIN) return LoginPage.reply(request, door())
      const application = asking(queryOf(request))
      if (application === undefined) return json(401, { detail: "unknown application" })
      const { body, headers, status } = answer(request, application, now)
      const count = edge(request, application)
      return { status, body, headers: count === undefined ? headers : { ...headers, "x-edge": count } }
    }
  }
}
