/** Who has an account on a simulated server, and which of its tokens are live. Times are in milliseconds of its own clock. */
import { randomUUID } from "node:crypto"

export interface Account {
  readonly id: string
  readonly email: string
  displayName: string
  /** Accounts made by a magic link have none. */
  password: string | undefined
  active: boolean
  readonly mfa: boolean
  readonly roles: ReadonlyArray<string>
  readonly defaultRole: string
  /** Custom fields. */
  readonly fields: Readonly<Record<string, string>>
}

interface Grant {
  readonly account: string
  readonly endsAt: number
}

const normal = (email: string): string => email.toLowerCase()

/** Tokens of one kind: the refresh tokens, the tickets of mails, the tickets of second steps. */
const grants = () => {
  const live = new Map<string, Grant>()
  return {
    issue: (account: string, endsAt: number): string => {
      const token = randomUUID()
      live.set(token, { account, endsAt })
      return token
    },
    /** Whose it is, whether or not it has ended. */
    owner: (token: string): string | undefined => live.get(token)?.account,
    /** Whose it is, if it is live. */
    find: (token: string, now: number): string | undefined => {
      const grant = live.get(token)
      return grant !== undefined && now < grant.endsAt ? grant.account : undefined
    },
    remove: (token: string): void => void live.delete(token),
    removeAll: (account?: string): void => {
      for (const [token, grant] of live) {
        if (account === undefined || grant.account === account) live.delete(token)
      }
    },
    size: (): number => live.size
  }
}

export const make = () => {
  const accounts = new Map<string, Account>()
  return {
    refreshTokens: grants(),
    mailTickets: grants(),
    mfaTickets: grants(),
    byEmail: (email: string): Account | undefined => accounts.get(normal(email)),
    byId: (id: string | undefined): Account | undefined => [...accounts.values()].find((it) => it.id === id),
    add: (account: Omit<Account, "id" | "displayName">): Account => {
      const added = { ...account, id: randomUUID(), displayName: account.email }
      accounts.set(normal(account.email), added)
      return added
    },
    remove: (email: string): void => void accounts.delete(normal(email))
  }
}

export type Accounts = ReturnType<typeof make>
