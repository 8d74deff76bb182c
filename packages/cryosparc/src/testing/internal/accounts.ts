/** Who may sign in to a simulated instance, and which tokens are good. Times are in milliseconds of its own clock. */
import * as Redacted from "effect/Redacted"
import { randomUUID } from "node:crypto"
import { passwordHash } from "../../internal/passwordHash.ts"

interface Grant {
  readonly email: string
  readonly endsAt: number
}

export const make = () => {
  const hashes = new Map<string, string>()
  const grants = new Map<string, Grant>()
  const end = (isOver: (grant: Grant) => boolean): void => {
    for (const [token, grant] of grants) if (isOver(grant)) grants.delete(token)
  }
  return {
    setPassword: (email: string, password: Redacted.Redacted<string>): void => {
      hashes.set(email, Redacted.value(passwordHash(password)))
      end((grant) => grant.email === email)
    },
    remove: (email: string): void => {
      hashes.delete(email)
      end((grant) => grant.email === email)
    },
    revoke: (): void => grants.clear(),
    /** A token, or undefined for a wrong e-mail or hash. */
    login: (email: string, hash: string, endsAt: number): string | undefined => {
      if (hashes.get(email) !== hash) return undefined
      const token = `cs-${randomUUID()}`
      grants.set(token, { email, endsAt })
      return token
    },
    /** Whose token it is, if it is good. */
    whose: (token: string, now: number): string | undefined => {
      const grant = grants.get(token)
      return grant === undefined || now >= grant.endsAt ? undefined : grant.email
    }
  }
}

export type Accounts = ReturnType<typeof make>
