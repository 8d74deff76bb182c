/** The hosted page that a browser signs in on. It needs no script. */
import { empty, type HttpRequest, type HttpResponse, text } from "@latchkey/testing/HttpHandler"
import { page } from "./magic.ts"

export interface Door {
  readonly isOrganization: (orgId: string) => boolean
  /** Where the browser comes back to. */
  readonly callback: string
  /** A code; undefined for a wrong e-mail or password. */
  readonly signIn: (email: string, password: string) => string | undefined
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

const escaped = (given: string): string => given.replace(/[&<>"']/g, (it) => ENTITIES[it] ?? it)

const form = (status: number, orgId: string, email: string, complaint = ""): HttpResponse =>
  text(
    status,
    "text/html; charset=utf-8",
    `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Sign in</title></head>
<body>
<main>
<h1>Sign in to ${escaped(orgId)}</h1>
${complaint && `<p role="alert">${escaped(complaint)}</p>`}
<form method="post" action="?${escaped(new URLSearchParams([["org_id", orgId]]).toString())}">
<p><label for="email">E-mail</label> <input id="email" name="email" inputmode="email" autocomplete="username" value="${escaped(email)}" required></p>
<p><label for="password">Password</label> <input id="password" name="password" type="password" autocomplete="current-password" required></p>
<p><button type="submit">Sign in</button></p>
</form>
</main>
</body>
</html>
`
  )

export const reply = (request: HttpRequest, door: Door): HttpResponse => {
  const orgId = new URLSearchParams(request.query).get("org_id") ?? ""
  if (!door.isOrganization(orgId)) return page(404, "There is no such organization")
  if (request.method === "GET") return form(200, orgId, "")
  if (request.method !== "POST") return empty(405, { allow: "GET, POST" })
  const given = new URLSearchParams(Buffer.from(request.body).toString("utf8"))
  const email = given.get("email") ?? ""
  const code = door.signIn(email, given.get("password") ?? "")
  if (code === undefined) return form(401, orgId, email, "Unknown e-mail or wrong password.")
  return redirect(door.callback, { code })
}

/** Back to the application. What its address already asks for is kept. */
export const redirect = (address: string, added: Readonly<Record<string, string>>): HttpResponse => {
  const url = new URL(address)
  for (const [name, value] of Object.entries(added)) url.searchParams.set(name, value)
  return empty(303, { location: url.href, "referrer-policy": "no-referrer" })
}
