/** What the server mails, and where its links lead. */
import type { Call } from "./server.ts"

const origin = ({ request }: Call): string => `http://${request.headers.get("host") ?? "localhost"}`

/** Signs in, or finishes a registration. */
export const sendLink = (call: Call, to: string, token: string, action: "log-in" | "register"): void =>
  void call.server.outbox.push({
    to,
    kind: "magic-link",
    link: `${origin(call)}/auth/magic-link?token=${token}&action=${action}`
  })

/** Activates an account that has a password. */
export const sendTicket = (call: Call, to: string, ticket: string): void =>
  void call.server.outbox.push({
    to,
    kind: "activate",
    link: `${origin(call)}/auth/activate?ticket=${ticket}`
  })
