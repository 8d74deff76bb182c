/** Whom a simulated robot lets in, and for how long (contract, sections 2.3 and 3). Times are milliseconds of its own. */
import { GetAuthTokenResponse_Status as Status } from "../../gen/bosdyn/api/auth.ts"

/** So many refused passwords in a row … */
export const FAILURES = 6

/** … lock the user for that long, counted from the last of them. */
export const LOCKED_MILLIS = 60_000

interface User {
  password: string
  /** How often it was changed. */
  changes: number
  failures: number
  lockedUntil: number
}

interface Issued {
  readonly user: User
  readonly changes: number
  readonly serialNumber: string
  readonly until: number
}

/** One of the numbers of `GetAuthTokenResponse.Status`, with a token beside success. */
export type Verdict =
  | { readonly status: typeof Status.STATUS_OK; readonly token: string }
  | { readonly status: Exclude<(typeof Status)[keyof typeof Status], typeof Status.STATUS_OK> }

export interface Accounts {
  readonly setPassword: (username: string, password: string) => void
  readonly remove: (username: string) => void
  readonly revoke: () => void
  /** Forgets failures and locks. Tokens are signed, and outlive a restart. */
  readonly restart: () => void
  /** Another robot knows the same users, and nothing of their failures. */
  readonly become: (serialNumber: string) => void
  readonly serialNumber: () => string
  readonly login: (now: number, username: string, password: string) => Verdict
  readonly renew: (now: number, token: string) => Verdict
  readonly accepts: (now: number, token: string) => boolean
}

const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")

export const make = (options: {
  readonly serialNumber: string
  readonly tokenLifeMillis: number
  /** What the robot's clock is ahead of its running time, in milliseconds. */
  readonly clockOffset: () => number
}): Accounts => {
  const users = new Map<string, User>()
  const issued = new Map<string, Issued>()
  let serialNumber = options.serialNumber
  let count = 0

  const issue = (now: number, user: User): Verdict => {
    const until = now + options.tokenLifeMillis
    // Looks like the real thing, with a date that a client must not believe in.
    const exp = Math.floor((until + options.clockOffset()) / 1000)
    const token = `${segment({ alg: "none" })}.${segment({ rob: serialNumber, jti: ++count, exp })}.${segment("unsigned")}`
    issued.set(token, { user, changes: user.changes, serialNumber, until })
    return { status: Status.STATUS_OK, token }
  }

  const owner = (now: number, token: string): User | undefined => {
    const found = issued.get(token)
    return found !== undefined &&
      found.serialNumber === serialNumber &&
      found.changes === found.user.changes &&
      now < found.until
      ? found.user
      : undefined
  }

  const forgive = (): void => {
    for (const user of users.values()) Object.assign(user, { failures: 0, lockedUntil: 0 })
  }

  return {
    setPassword: (username, password) => {
      const user = users.get(username)
      if (user === undefined) users.set(username, { password, changes: 0, failures: 0, lockedUntil: 0 })
      else if (user.password !== password) Object.assign(user, { password, changes: user.changes + 1 })
    },
    remove: (username) => {
      const user = users.get(username)
      for (const [token, { user: of }] of issued) if (of === user) issued.delete(token)
      users.delete(username)
    },
    revoke: () => issued.clear(),
    restart: forgive,
    become: (other) => {
      if (other !== serialNumber) forgive()
      serialNumber = other
    },
    serialNumber: () => serialNumber,
    login: (now, username, password) => {
      const user = users.get(username)
      if (user === undefined) return { status: Status.STATUS_INVALID_LOGIN }
      if (now < user.lockedUntil) return { status: Status.STATUS_TEMPORARILY_LOCKED_OUT }
      if (user.password === password) {
        user.failures = 0
        return issue(now, user)
      }
      user.failures++
      if (user.failures === FAILURES) Object.assign(user, { failures: 0, lockedUntil: now + LOCKED_MILLIS })
      return { status: Status.STATUS_INVALID_LOGIN }
    },
    renew: (now, token) => {
      const user = owner(now, token)
      return user === undefined ? { status: Status.STATUS_INVALID_TOKEN } : issue(now, user)
    },
    accepts: (now, token) => owner(now, token) !== undefined
  }
}
