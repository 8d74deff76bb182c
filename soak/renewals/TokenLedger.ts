/**
 * What a token service knows of one account. A renewal spends the token that it is made with, and one that comes back spent
 * ends every token of its login: whoever sends it a second time has signed the account out.
 *
 * A token begins with a label: the number of the login that it stems from, and its generation within it, such as `1.2`.
 */
import { randomUUID } from "node:crypto"

/** Either token of a grant may be redeemed, once: not every store has a place for a refresh token. */
export interface Grant {
  readonly label: string
  readonly accessToken: string
  readonly refreshToken: string
}

interface Known {
  readonly login: number
  readonly generation: number
  state: "good" | "spent" | "ended"
}

export class TokenLedger {
  /** Renewals that were asked for, heard or not. */
  calls = 0
  /** Tokens that came back after they were spent. */
  reuses = 0
  readonly rotates: boolean
  readonly #known = new Map<string, Known>()
  readonly #labels = new Map<string, Known>()
  #logins = 0

  constructor(rotates = true) {
    this.rotates = rotates
  }

  signIn(): Grant {
    return this.#grant(++this.#logins, 1)
  }

  /** None where the token is not good. */
  redeem(token: string): Grant | undefined {
    const known = this.#known.get(token)
    if (known?.state === "spent") {
      this.reuses++
      for (const { 1: it } of this.#labels) if (it.login === known.login) it.state = "ended"
    }
    if (known?.state !== "good") return undefined
    if (this.rotates) known.state = "spent"
    const generation = Math.max(
      ...Array.from(this.#labels.values(), (it) => (it.login === known.login ? it.generation : 0))
    )
    return this.#grant(known.login, generation + 1)
  }

  /** Ends this token, and no other of its login: the least that a service does. */
  revoke(token: string): void {
    const known = this.#known.get(token)
    if (known?.state === "good") known.state = "ended"
  }

  /** The labels of what the service would still accept. */
  get living(): ReadonlyArray<string> {
    return Array.from(this.#labels).flatMap(([label, { state }]) => (state === "good" ? [label] : []))
  }

  #grant(login: number, generation: number): Grant {
    const label = `${login}.${generation}`
    const grant = { label, accessToken: `${label}-${randomUUID()}`, refreshToken: `${label}-${randomUUID()}` }
    const known: Known = { login, generation, state: "good" }
    this.#labels.set(label, known)
    this.#known.set(grant.accessToken, known)
    this.#known.set(grant.refreshToken, known)
    return grant
  }
}

/** The label of a token. */
export const labelOf = (token: string): string => token.slice(0, token.indexOf("-"))
