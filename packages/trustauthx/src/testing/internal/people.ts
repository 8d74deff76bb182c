/** Who has an account at a simulated service, and what it tells about them. */
import { randomUUID } from "node:crypto"
import type { Pair } from "./tokens.ts"

export interface Person {
  readonly uid: string
  readonly email: string
  readonly password: string
  readonly name: string | null
  readonly img: string | null
  readonly scope: ReadonlyArray<string>
}

export const SCOPE = ["profile", "email"]

export const ann: Person = {
  uid: "uid_ann",
  email: "ann+test@example.com",
  password: "correct-horse",
  name: "Ann Example",
  img: "https://img.example.com/ann.png",
  scope: SCOPE
}

export const zoe: Person = {
  uid: "uid_zoe",
  email: "zoë@example.com",
  password: "battery-staple",
  name: "Zoë 佐伊 🦊",
  img: null,
  scope: SCOPE
}

/** The claims of `get_user` and `re_auth`; a life that is not whole seconds, as the service has it. */
export const userClaims = (
  { email, img, name, scope, uid }: Person,
  pair: Pair,
  now: number,
  life: { readonly access: number; readonly refresh: number }
) => {
  const iat = Math.floor(now / 1000)
  return {
    iss: "https://api.trustauthx.com",
    jti: randomUUID(),
    type: "user",
    access_token: pair.accessToken,
    refresh_token: pair.refreshToken,
    exp: iat + life.access / 1000 + 0.75,
    refresh_exp: iat + Math.floor(life.refresh / 1000),
    iat,
    scope: JSON.stringify(scope),
    img,
    name,
    sub: JSON.stringify({ email, uid })
  }
}
