/** Which lines there are: one per authority, opened by the first call. */
import * as grpc from "@grpc/grpc-js"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createSecureContext } from "node:tls"
import { Line, type Watching } from "./line.ts"
import { startCollecting } from "./sockets.ts"

/** Deadlines are times of the machine, whatever clock a test has put in its place. */
export const machine = Clock.Clock.defaultValue()

/** How long a connection may take to say goodbye when the scope ends. */
const GOODBYE = Duration.millis(250)

const UNIX = "unix:"

export interface Lines {
  /** The line for calls that name this authority, if there is one. `""` for calls that name none. */
  readonly get: (authority: string) => Line | undefined
  /** The same, opened if need be. `address` is in the syntax of gRPC. Undefined when the scope has ended. */
  readonly open: (authority: string, address: string) => Line | undefined
  /** Grows with every connection that is established, and with every established one that is given up. */
  readonly connections: () => number
}

export interface Options {
  /** PEM. None: no TLS. */
  readonly rootCertificates: ReadonlyArray<string>
  readonly maxMessageBytes: number
  readonly useProxyFromEnvironment: boolean
}

export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Lines, never, Scope.Scope> {
  yield* startCollecting
  const credentials =
    options.rootCertificates.length === 0
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createFromSecureContext(
          createSecureContext({ ca: [...options.rootCertificates], minVersion: "TLSv1.2" }),
          // Said aloud: otherwise an environment variable of Node could switch it off.
          { rejectUnauthorized: true }
        )
  const current = new Map<string, Line>()
  const all = new Set<Line>()
  let ended = false
  let connections = 0

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      ended = true
      current.clear()
      return Effect.forEach(all, (line) => line.end, { concurrency: "unbounded", discard: true })
    }).pipe(Effect.timeoutOption(GOODBYE), Effect.provideService(Clock.Clock, machine))
  )

  const watching = (authority: string): Watching => ({
    onChange: () => connections++,
    onRetired: (line) => {
      if (current.get(authority) === line) current.delete(authority)
    }
  })

  const channel = (authority: string, address: string) => () =>
    new grpc.Channel(address, credentials, {
      "grpc.max_receive_message_length": options.maxMessageBytes,
      "grpc.enable_http_proxy": options.useProxyFromEnvironment ? 1 : 0,
      // Nothing but the address comes from a resolver, and no connection is shared with another channel.
      "grpc.service_config_disable_resolution": 1,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_channelz": 0,
      // grpc-js needs both: one for the handshake and the certificate, one for `:authority`.
      ...(authority === ""
        ? undefined
        : { "grpc.ssl_target_name_override": authority, "grpc.default_authority": authority })
    })

  return {
    get: (authority) => current.get(authority),
    open: (authority, address) => {
      if (ended) return undefined
      const before = current.get(authority)
      if (before !== undefined) return before
      for (const line of all) if (line.isSilent) all.delete(line)
      const socket = address.startsWith(UNIX) ? address.slice(UNIX.length) : undefined
      const line = new Line(channel(authority, address), socket, watching(authority))
      all.add(line)
      current.set(authority, line)
      return line
    },
    connections: () => connections
  }
})
