/** A token service over HTTP on this machine: `POST /ACCOUNT/token` renews, `POST /ACCOUNT/revoke` ends, the body is the token. */
import { Context, Deferred, Effect, Layer } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { text } from "node:stream/consumers"
import { TokenLedger } from "./TokenLedger.ts"

/** What becomes of a call. */
export type Fault =
  /** The connection is closed: before the tokens change, or after. */
  "closed before" | "closed after" | Held

/** A call that the service has received, and does not act upon until it is let go. */
export interface Held {
  readonly arrived: Deferred.Deferred<void>
  readonly letGo: Deferred.Deferred<void>
}

export interface Account {
  readonly name: string
  readonly ledger: TokenLedger
  /** For the next calls, first come first served; afterwards they are answered. */
  readonly faults: Array<Fault>
}

export class Authority extends Context.Service<
  Authority,
  {
    readonly url: string
    readonly account: (rotates: boolean) => Account
  }
>()("soak/Authority") {
  static readonly layer: Layer.Layer<Authority> = Layer.effect(
    Authority,
    Effect.gen(function* () {
      const accounts = new Map<string, Account>()
      const server = createServer((request, response) => {
        // Whoever was killed while asking gets no answer.
        answer(accounts, request, response).catch(() => response.destroy())
      })
      yield* Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      })
      yield* Effect.addFinalizer(() =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
      )
      const address = server.address()
      const port = typeof address === "object" ? address?.port : undefined
      return Authority.of({
        url: `http://127.0.0.1:${port}`,
        account: (rotates) => {
          const name = `user${accounts.size + 1}`
          const account: Account = { name, ledger: new TokenLedger(rotates), faults: [] }
          accounts.set(name, account)
          return account
        }
      })
    })
  )
}

export const held = (): Held => ({ arrived: Deferred.makeUnsafe(), letGo: Deferred.makeUnsafe() })

const answer = async (
  accounts: ReadonlyMap<string, Account>,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> => {
  const [, name = "", operation] = request.url?.split("/") ?? []
  const token = await text(request)
  const account = accounts.get(name)
  // One call for each connection: an idle one that is closed as it is used again would be a fault that nobody asked for.
  response.setHeader("connection", "close")
  if (account === undefined) {
    response.writeHead(404).end()
    return
  }
  const { faults, ledger } = account
  if (operation === "revoke") {
    ledger.revoke(token)
    response.writeHead(204).end()
    return
  }
  ledger.calls++
  const fault = faults.shift()
  if (fault === "closed before") {
    response.destroy()
    return
  }
  if (typeof fault === "object") {
    Effect.runSync(Deferred.succeed(fault.arrived, undefined))
    await Effect.runPromise(Deferred.await(fault.letGo))
  }
  const grant = ledger.redeem(token)
  if (fault === "closed after") response.destroy()
  else if (grant === undefined) response.writeHead(401).end()
  else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(grant))
}
