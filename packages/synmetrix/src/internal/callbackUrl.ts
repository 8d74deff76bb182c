/** What the link of a mail has led to (contract, 3.7 and 3.8): the token is in the query, or the link failed. */
import * as Redacted from "effect/Redacted"

export type Callback =
  | { readonly _tag: "Token"; readonly token: Redacted.Redacted<string> }
  | { readonly _tag: "Failed" }
  /** No URL, one that holds several tokens, or the link in the mail, which nobody has opened yet. */
  | { readonly _tag: "Unsound" }

/** An application may see no more of it than a path. */
const NOWHERE = "http://callback.invalid"

export const read = (callback: Redacted.Redacted<string>): Callback => {
  const text = Redacted.value(callback)
  const url = URL.parse(text, text.startsWith("/") ? NOWHERE : undefined)
  const [token, ...others] = url?.searchParams.getAll("refresh_token") ?? []
  // What the mail holds has a token under another name, and is not where it leads.
  const isMailed = token === undefined && /\/auth\/(?:magic-link|activate)\/?$/i.test(url?.pathname ?? "")
  if (url === null || others.length > 0 || isMailed) return { _tag: "Unsound" }
  return token === undefined || token === ""
    ? { _tag: "Failed" }
    : { _tag: "Token", token: Redacted.make(token) }
}
