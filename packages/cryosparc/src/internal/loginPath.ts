/** Under which path an instance signs in: its OpenAPI document says, and no client may know (contract, section 7). */
import * as Predicate from "effect/Predicate"

/** `Missing`: the API cannot sign in. `Unsound`: this is no such document, or a path that leads who knows where. */
export type LoginPath =
  | { readonly _tag: "Found"; readonly path: string }
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Unsound" }

const SUMMARY = "login"

const MAX_LENGTH = 1000

/**
 * Segments of plain characters: nothing that a client, a proxy or a server could take for a host, another folder or a
 * query. What is posted there must not go anywhere else.
 */
const isPlain = (path: string): boolean =>
  path.length <= MAX_LENGTH && /^(?:\/(?!\.{1,2}(?:[/;]|$))[\w.~!$&'()*+,;=:@-]+)+\/?$/.test(path)

const isLogin = (operation: unknown): boolean =>
  Predicate.hasProperty(operation, "summary") && operation.summary === SUMMARY

/** The first operation of that summary that can be posted to. */
export const find = (document: unknown): LoginPath => {
  if (!Predicate.hasProperty(document, "paths") || !Predicate.isObject(document.paths)) {
    return { _tag: "Unsound" }
  }
  const logins = Object.entries(document.paths).flatMap(([path, item]) =>
    Predicate.isObject(item)
      ? Object.entries(item)
          .filter(([, operation]) => isLogin(operation))
          .map(([method]) => ({ path, method }))
      : []
  )
  const login = logins.find(({ method }) => method === "post")
  if (login === undefined) return { _tag: logins.length === 0 ? "Missing" : "Unsound" }
  return isPlain(login.path) ? { _tag: "Found", path: login.path } : { _tag: "Unsound" }
}
