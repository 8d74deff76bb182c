/** What only shows in a process of its own: robot contract, checklist items 9 and 35. */
import { assert, describe, it } from "@effect/vitest"
import { GrpcServer, TestCertificates } from "@latchkey/grpc/testing"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { createSecureServer, type SecureServerOptions } from "node:http2"
import { fileURLToPath } from "node:url"
import { bytes, PATH, success } from "./fixtures/login.ts"
import * as peers from "./fixtures/peers.ts"

const identity = TestCertificates.make({ names: ["*.spot.robot"] })

const PROXIES = new Set(["grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy"])

/** What the process wrote when it had ended by itself; one that does not end is killed, and a defect. */
const running = (fixture: string, variables: Record<string, string | number>) =>
  Effect.callback<string>((resume) => {
    const inherited = Object.entries(process.env).filter(([name]) => !PROXIES.has(name.toLowerCase()))
    const given = Object.entries(variables).map(([name, value]) => [name, String(value)])
    const child = execFile(
      process.execPath,
      ["--conditions", "@latchkey/source", fileURLToPath(new URL(`fixtures/${fixture}.ts`, import.meta.url))],
      { env: Object.fromEntries([...inherited, ...given]), timeout: 20_000 },
      (error, stdout) => resume(error === null ? Effect.succeed(stdout) : Effect.die(error))
    )
    return Effect.sync(() => child.kill())
  })

const answering = (id: peers.Identity) =>
  GrpcServer.make({
    listen: { _tag: "Tls", ...id },
    handlers: { [PATH]: () => Effect.succeed(bytes(success)) }
  })

describe("the process ends by itself", () => {
  it.live("although a channel is open and idle", () =>
    Effect.gen(function* () {
      const id = yield* identity
      const { port } = yield* answering(id)
      assert.strictEqual(yield* running("idle", { PORT: port, ROOTS: id.rootCertificate }), "Success")
    })
  )

  it.live("after a connection that never came about", () =>
    Effect.gen(function* () {
      const { port } = yield* peers.silent
      const { rootCertificate } = yield* identity
      assert.strictEqual(yield* running("idle", { PORT: port, ROOTS: rootCertificate }), "TimedOut")
    })
  )

  for (const HOW of ["interruption", "deadline"]) {
    for (const HOST of ["127.0.0.1", "localhost"]) {
      it.live(`after attempts given up early: ${HOW}, ${HOST}`, () =>
        Effect.gen(function* () {
          const peer = yield* peers.silentAt(HOST)
          const { rootCertificate } = yield* identity
          const said = yield* running("givingUp", { PORT: peer.port, ROOTS: rootCertificate, HOW, HOST })
          assert.strictEqual(said, "done")
        })
      )
    }
  }
})

/** HTTP/2 over the oldest TLS that can still be had. */
const outdated = (id: peers.Identity) => {
  const options: SecureServerOptions = {
    cert: id.certificate,
    key: id.key,
    minVersion: "TLSv1.1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0"
  }
  return peers.listening(() => createSecureServer(options))
}

describe("the environment does not weaken TLS", () => {
  it.live("a wrong root stays one when Node is told not to look", () =>
    Effect.gen(function* () {
      const { port } = yield* answering(yield* identity)
      const { rootCertificate } = yield* identity
      const said = yield* running("idle", {
        PORT: port,
        ROOTS: rootCertificate,
        NODE_TLS_REJECT_UNAUTHORIZED: "0"
      })
      assert.strictEqual(said, "CertificateRejected")
    })
  )

  it.live("TLS 1.1 is refused when Node is told to allow it", () =>
    Effect.gen(function* () {
      const id = yield* identity
      const { port } = yield* outdated(id)
      const NODE_OPTIONS = "--tls-min-v1.0 --tls-cipher-list=DEFAULT@SECLEVEL=0"
      const said = yield* running("idle", { PORT: port, ROOTS: id.rootCertificate, NODE_OPTIONS })
      assert.strictEqual(said, "ConnectionFailed")
    })
  )
})

describe("a proxy of the environment", () => {
  for (const name of ["https_proxy", "grpc_proxy"]) {
    it.live(`${name} counts only when it is wanted`, () =>
      Effect.gen(function* () {
        const id = yield* identity
        const server = yield* answering(id)
        const proxy = yield* peers.proxy
        const through = (USE_PROXY: string) =>
          running("idle", {
            PORT: server.port,
            ROOTS: id.rootCertificate,
            [name]: `http://127.0.0.1:${proxy.port}`,
            USE_PROXY
          })
        assert.strictEqual(yield* through("no"), "Success")
        assert.strictEqual(yield* proxy.asked, 0)
        assert.strictEqual(yield* through("yes"), "Success")
        assert.strictEqual(yield* proxy.asked, 1)
      })
    )
  }

  it.live("that is not there: the connection failed", () =>
    Effect.gen(function* () {
      const id = yield* identity
      const server = yield* answering(id)
      const said = yield* running("idle", {
        PORT: server.port,
        ROOTS: id.rootCertificate,
        https_proxy: `http://127.0.0.1:${yield* peers.nobody}`,
        USE_PROXY: "yes"
      })
      assert.strictEqual(said, "ConnectionFailed")
      assert.strictEqual(yield* server.accepted, 0)
    })
  )
})
