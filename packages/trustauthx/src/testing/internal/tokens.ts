/** Which codes and tokens of a simulated service are good, and whose they are. Times are in milliseconds of its own clock. */
import { randomBytes } from "node:crypto"

export interface Pair {
  readonly accessToken: string
  readonly refreshToken: string
}

/** All tokens that go back to one sign-in. */
interface Family {
  readonly uid: string
}

interface Grant {
  readonly family: Family
  readonly endsAt: number
}

/** Of the login page, and of the page for settings: one is not good for the other. */
export type CodeKind = "login" | "settings"

export interface Tokens {
  readonly code: (kind: CodeKind, uid: string) => string
  /** Whose it was; it is good once. */
  readonly spend: (kind: CodeKind, code: string) => string | undefined
  readonly begin: (uid: string, now: number) => Pair
  readonly whose: (accessToken: string, now: number) => string | undefined
  /** A new pair for a refresh token, which is spent. One that comes back ends all tokens of its sign-in. */
  readonly renew: (refreshToken: string, now: number) => Pair | undefined
  /** A new pair in place of this one; undefined where it is not the user's. */
  readonly replace: (uid: string, pair: Pair, now: number) => Pair | undefined
  /** False for a token that is not known, or has ended. */
  readonly revoke: (token: string, kind: "access" | "refresh", all: boolean, now: number) => boolean
  readonly endAll: (uid?: string) => void
  readonly reuses: () => number
}

/** As texts that need proper encoding in a query. */
const random = (prefix: string): string => `${prefix}-${randomBytes(24).toString("base64")}+/=&`

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")

/** It looks like a JWT, and is nobody's business but the service's. */
const sealed = (): string =>
  [
    encoded({ alg: "HS256", typ: "JWT" }),
    encoded({ data: JSON.stringify(randomBytes(150).toString("base64")) }),
    randomBytes(32).toString("base64url")
  ].join(".")

export const make = (life: { readonly access: number; readonly refresh: number }): Tokens => {
  const codes = new Map<string, { readonly kind: CodeKind; readonly uid: string }>()
  const access = new Map<string, Grant>()
  const refresh = new Map<string, Grant>()
  const spent = new Map<string, Family>()
  let reuses = 0

  const good = (grants: Map<string, Grant>, token: string, now: number): Family | undefined => {
    const grant = grants.get(token)
    return grant !== undefined && now < grant.endsAt ? grant.family : undefined
  }

  const mint = (family: Family, now: number): Pair => {
    const pair = { accessToken: random("at"), refreshToken: random("rt") }
    access.set(pair.accessToken, { family, endsAt: now + life.access })
    refresh.set(pair.refreshToken, { family, endsAt: now + life.refresh })
    return pair
  }

  const end = (isOver: (family: Family) => boolean): void => {
    for (const grants of [access, refresh]) {
      for (const [token, { family }] of grants) if (isOver(family)) grants.delete(token)
    }
  }

  // What the checklist of the contract calls good.
  const ann: Family = { uid: "uid_ann" }
  for (const name of ["valid", "edgebad", "edgeneg", "edge99"]) {
    access.set(`at-${name}`, { family: ann, endsAt: Infinity })
  }
  refresh.set("rt-valid", { family: ann, endsAt: Infinity })

  return {
    code: (kind, uid) => {
      const code = sealed()
      codes.set(code, { kind, uid })
      return code
    },
    spend: (kind, code) => {
      const found = codes.get(code)
      if (found?.kind !== kind) return undefined
      codes.delete(code)
      return found.uid
    },
    begin: (uid, now) => mint({ uid }, now),
    whose: (token, now) => good(access, token, now)?.uid,
    renew: (token, now) => {
      const stolen = spent.get(token)
      if (stolen !== undefined) {
        reuses++
        end((family) => family === stolen)
        return undefined
      }
      const family = good(refresh, token, now)
      if (family === undefined) return undefined
      refresh.delete(token)
      spent.set(token, family)
      return mint(family, now)
    },
    replace: (uid, { accessToken, refreshToken }, now) => {
      const family = good(access, accessToken, now)
      if (family?.uid !== uid || good(refresh, refreshToken, now) !== family) return undefined
      end((other) => other === family)
      return mint({ uid }, now)
    },
    revoke: (token, kind, all, now) => {
      const grants = kind === "access" ? access : refresh
      const family = good(grants, token, now)
      if (family === undefined) return false
      grants.delete(token)
      if (all) end((other) => other.uid === family.uid)
      return true
    },
    endAll: (uid) => end((family) => uid === undefined || family.uid === uid),
    reuses: () => reuses
  }
}
