/** Signing in over HTTP, beside the same request made with nothing but undici, and with what people use. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Synmetrix } from "@latchkey/synmetrix"
import axios from "axios"
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import got from "got"
import ky from "ky"
import { spawn } from "node:child_process"
import * as http from "node:http"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Agent, request } from "undici"
import { type Candidate, type Row, timed } from "../measure.ts"

const LOGINS = 500

const credentials = { email: "ada@example.com", password: "correct-horse" }
const body = { ...credentials, cookie: false }

interface Answer {
  readonly jwt_token: string
  readonly refresh_token: string
}

const startServer = async () => {
  const child = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL("../synmetrix.ts", import.meta.url))],
    { stdio: ["pipe", "pipe", "inherit"] }
  )
  for await (const url of createInterface(child.stdout)) return { url, stop: () => child.stdin.end() }
  throw new Error("the server did not start")
}

/** What anybody needs of the answer: both tokens, and when the first one ends. */
const read = ({ jwt_token, refresh_token }: Answer) => {
  const { exp }: { readonly exp: number } = JSON.parse(
    Buffer.from(jwt_token.split(".")[1] ?? "", "base64url").toString()
  )
  return { jwt_token, refresh_token, exp }
}

const oneByOne = (name: string, login: () => Promise<unknown>, target?: number): Candidate => ({
  name,
  ...(target !== undefined && { target }),
  measure: () =>
    timed(LOGINS, async () => {
      for (let count = 0; count < LOGINS; count++) await login()
    })
})

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const server = await startServer()
  const url = `${server.url}/auth/login`
  const dispatcher = new Agent()
  const httpAgent = new http.Agent({ keepAlive: true })
  const runtime = ManagedRuntime.make(
    Synmetrix.layer({ url: server.url }).pipe(Layer.provideMerge(NodeHttpClient.layerUndici))
  )
  const overFetch = ManagedRuntime.make(
    Synmetrix.layer({ url: server.url }).pipe(Layer.provide(FetchHttpClient.layer))
  )
  const given = { ...credentials, password: Redacted.make(credentials.password) }
  const service = await runtime.runPromise(Synmetrix)
  const fetching = await overFetch.runPromise(Synmetrix)
  return [
    {
      name: "sign in over HTTP",
      limit: oneByOne("limit: undici.request", async () => {
        const { body: answer } = await request(url, {
          dispatcher,
          method: "POST",
          headers: { "content-type": "application/json", accept: "application/json" },
          body: JSON.stringify(body)
        })
        return read(JSON.parse(await answer.text()))
      }),
      candidates: [
        oneByOne("Synmetrix.login, over undici", () => Effect.runPromise(service.login(given)), 1.3),
        oneByOne("Synmetrix.login, over fetch", () => Effect.runPromise(fetching.login(given))),
        oneByOne("Effect's HttpClient, over undici", () =>
          runtime.runPromise(
            Effect.flatMap(
              HttpClient.execute(
                HttpClientRequest.post(url).pipe(
                  HttpClientRequest.acceptJson,
                  HttpClientRequest.bodyJsonUnsafe(body)
                )
              ),
              ({ text }) => Effect.map(text, (answer) => read(JSON.parse(answer)))
            )
          )
        ),
        oneByOne("fetch", async () => {
          const answer = await fetch(url, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(body)
          })
          return read(JSON.parse(await answer.text()))
        }),
        oneByOne("axios", async () => read((await axios.post<Answer>(url, body, { httpAgent })).data)),
        oneByOne("ky", async () => read(await ky.post(url, { json: body, retry: 0 }).json<Answer>())),
        oneByOne("got", async () =>
          read(
            await got
              .post(url, { json: body, agent: { http: httpAgent }, retry: { limit: 0 } })
              .json<Answer>()
          )
        )
      ],
      close: async () => {
        await runtime.dispose()
        await overFetch.dispose()
        await dispatcher.close()
        httpAgent.destroy()
        server.stop()
      }
    }
  ]
}
