/** How a simulated service signs, and whom it takes for an application (contract, section 2). */
import { createHmac, timingSafeEqual } from "node:crypto"

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")

const HASHES: Readonly<Record<string, string>> = { HS512: "sha512" }

/** With any name of an algorithm in its header; `none` has no signature, and what is not HMAC is signed as if it were. */
export const signed = (claims: unknown, secret: string, alg = "HS256"): string => {
  const text = `${encoded({ alg, typ: "JWT" })}.${encoded(claims)}`
  const mac = createHmac(HASHES[alg] ?? "sha256", secret).update(text)
  return `${text}.${alg === "none" ? "" : mac.digest("base64url")}`
}

/** Any JSON will do that says the same. */
export const isSignedBy = (token: string, apiKey: string, secret: string): boolean => {
  const [header = "", payload = "", signature = ""] = token.split(".")
  const wanted = createHmac("sha256", secret).update(`${header}.${payload}`).digest()
  const given = Buffer.from(signature, "base64url")
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return false
  const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"))
  return typeof claims === "object" && claims !== null && "api_key" in claims && claims.api_key === apiKey
}
