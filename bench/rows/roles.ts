/** Whether a role has a permission: from the copy of an organization's roles that is held here. */
import { createMongoAbility, type MongoAbility } from "@casl/ability"
import { json } from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { TrustAuthX, TrustAuthXRoles } from "@latchkey/trustauthx"
import { newEnforcer, newModelFromString } from "casbin"
import { Context, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { HttpClient } from "effect/http"
import { type Row, timed } from "../measure.ts"

const KEYS = 10
const CHECKS = 200_000
const FEW_CHECKS = 5_000
const FEWER_CHECKS = 20

const roleOf = (index: number) => `rol_${index.toString(16).padStart(16, "0")}`
const keyOf = (index: number) => `permission-${index}`
const valueOf = (role: number, key: number) => ((role + key) % 3 === 0 ? "write" : "read")

const range = (count: number) => Array.from({ length: count }, (_, index) => index)

/** What is asked, in an order that no cache guesses, in texts that were never looked up before, as those of a request are. */
const questions = (roles: number, count: number) =>
  range(count).map((turn) => {
    const role = (turn * 7919) % roles
    const key = (turn * 31) % KEYS
    return { role: roleOf(role), key: keyOf(key), value: turn % 2 === 0 ? valueOf(role, key) : "admin" }
  })

type Question = ReturnType<typeof questions>[number]

const served = async (count: number, inMemory: boolean) => {
  const roles = range(count).map((role) => ({
    org_id: "org",
    rol_id: roleOf(role),
    name: `role ${role}`,
    permissions: range(KEYS).map((key) => ({ [keyOf(key)]: valueOf(role, key) }))
  }))
  const answer = json(200, roles)
  const { client } = await Effect.runPromise(
    HttpMemory.make({ origin: "https://api.trustauthx.com", handler: () => Effect.succeed(answer) })
  )
  const secretKey = Redacted.make("0123456789abcdef".repeat(4))
  const layer = TrustAuthX.layer({ apiKey: "ak", secretKey, orgId: "org", inMemory }).pipe(
    Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
  )
  const scope = Scope.makeUnsafe()
  const service = Context.get(await Effect.runPromise(Layer.buildWithScope(layer, scope)), TrustAuthXRoles)
  return {
    service,
    copy: await Effect.runPromise(service.snapshot()),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const mapOfMaps = (count: number) =>
  new Map(
    range(count).map((role) => [
      roleOf(role),
      new Map(range(KEYS).map((key) => [keyOf(key), valueOf(role, key)]))
    ])
  )

const abilities = (count: number): ReadonlyMap<string, MongoAbility> =>
  new Map(
    range(count).map((role) => [
      roleOf(role),
      createMongoAbility(range(KEYS).map((key) => ({ action: valueOf(role, key), subject: keyOf(key) })))
    ])
  )

const enforcer = async (count: number) => {
  const it = await newEnforcer(
    newModelFromString(`
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj && r.act == p.act
`)
  )
  await it.addPolicies(
    range(count).flatMap((role) => range(KEYS).map((key) => [roleOf(role), keyOf(key), valueOf(role, key)]))
  )
  return it
}

/** Half of the answers are yes: whoever says otherwise has not done the work. */
const counted = (asked: ReadonlyArray<Question>, check: (question: Question) => boolean): void => {
  let granted = 0
  for (const question of asked) if (check(question)) granted++
  insist(asked, granted)
}

const insist = (asked: ReadonlyArray<Question>, granted: number): void => {
  if (granted !== asked.length / 2) throw new Error(`${granted} of ${asked.length} granted`)
}

const rowsFor = async (count: number): Promise<ReadonlyArray<Row>> => {
  const { close, copy, service } = await served(count, true)
  const sqlite = await served(count, false)
  const bare = mapOfMaps(count)
  const plain = (checks: number, check: (question: Question) => boolean) => () => {
    const asked = questions(count, checks)
    return timed(checks, async () => counted(asked, check))
  }

  const pure: Row = {
    name: `role check, ${count} roles`,
    limit: {
      name: "limit: Map of Maps",
      measure: plain(CHECKS, ({ key, role, value }) => bare.get(role)?.get(key) === value)
    },
    candidates: [
      {
        name: "RoleCopy.validate",
        target: 1.5,
        measure: plain(CHECKS, ({ key, role, value }) => copy.validate(role, key, value))
      },
      {
        name: "RoleCopy.validate, kept in SQLite",
        measure: plain(FEW_CHECKS, ({ key, role, value }) => sqlite.copy.validate(role, key, value))
      },
      ...(await peers(count))
    ],
    close: sqlite.close
  }
  const fiber: Row = {
    name: `role check, ${count} roles, inside a fiber`,
    limit: pure.limit,
    candidates: [
      {
        name: "TrustAuthXRoles.validate",
        target: 5,
        measure: () => {
          const asked = questions(count, CHECKS)
          return timed(CHECKS, () =>
            Effect.runPromise(
              Effect.gen(function* () {
                let granted = 0
                for (const { key, role, value } of asked) {
                  if (yield* service.validate(role, key, value)) granted++
                }
                insist(asked, granted)
              })
            )
          )
        }
      }
    ],
    close
  }
  return [pure, fiber]
}

/** Only where they hold so much in a reasonable time. */
const peers = async (count: number): Promise<Row["candidates"]> => {
  if (count > 1_000) return []
  const ability = abilities(count)
  const casbin = await enforcer(count)
  return [
    {
      name: "@casl/ability",
      measure: () => {
        const asked = questions(count, FEW_CHECKS)
        return timed(FEW_CHECKS, async () =>
          counted(asked, ({ key, role, value }) => ability.get(role)?.can(value, key) === true)
        )
      }
    },
    {
      name: "casbin",
      measure: () => {
        const asked = questions(count, FEWER_CHECKS)
        return timed(FEWER_CHECKS, async () => {
          let granted = 0
          for (const { key, role, value } of asked) if (await casbin.enforce(role, key, value)) granted++
          insist(asked, granted)
        })
      }
    }
  ]
}

export const rows = async (): Promise<ReadonlyArray<Row>> => [
  ...(await rowsFor(1_000)),
  ...(await rowsFor(100_000))
]
