/** What a target means to grpc-js, and whether it can be one. */
import { InvalidRequest, TransportError } from "@latchkey/core/AuthError"
import { ConnectionFailed, SocketNotFound } from "@latchkey/core/TransportError"
import * as Effect from "effect/Effect"
import { X509Certificate } from "node:crypto"
import { isIP, isIPv6 } from "node:net"
import { resolve } from "node:path"
import type { Target } from "../GrpcChannel.ts"
import { shown } from "./madeUp.ts"
import type { Where } from "./outcome.ts"

export interface Dialled {
  /** In the syntax of gRPC. */
  readonly address: Effect.Effect<string, TransportError>
  /** One by one; none for no TLS. */
  readonly rootCertificates: ReadonlyArray<string>
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

const isReadable = (certificate: string): boolean => {
  try {
    return new X509Certificate(certificate).raw.length > 0
  } catch {
    return false
  }
}

/** The certificates one by one, or what is wrong with the text. */
const certificatesIn = (pem: string): ReadonlyArray<string> | string => {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    return "there is a private key in it: it does not belong there; give the root certificates only"
  if (/-----BEGIN [A-Z ]+-----\\[nr]/.test(pem))
    return "it has \\n as two characters where its lines should end: put real line breaks there"
  const found = pem.match(CERTIFICATE) ?? []
  if (found.length === 0)
    return "there is no certificate in it: the text of a PEM file is needed, from -----BEGIN CERTIFICATE----- on"
  if (found.length !== pem.split("-----BEGIN").length - 1)
    return "there is something in it that is not a whole certificate: give the root certificates only, in PEM form"
  return found.every(isReadable) ? found : "there is a certificate in it that cannot be read: is it damaged?"
}

const isHost = (text: string): boolean => isIP(text) !== 0 || /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(text)

/** The machine itself, whatever a resolver says. */
const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."))

const NO_PATH = "the path of the socket must not be empty, nor have line breaks or control characters in it"

const isPath = (path: string): boolean => /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u.test(path)

/** What systems take for certain, in bytes. Of a longer path some versions of Node use the beginning, and reach another socket. */
const MAX_PATH = process.platform === "linux" ? 107 : 103

const unixAddress = (where: Where, given: string): Effect.Effect<string, TransportError> => {
  const path = resolve(given)
  if (Buffer.byteLength(path) <= MAX_PATH) return Effect.succeed(`unix:${path}`)
  const message = `the path of the socket is longer than ${MAX_PATH} bytes: ${shown(path)}`
  return Effect.fail(TransportError.because(where, new ConnectionFailed({ message })))
}

export const dialled = (where: Where, target: Target): Effect.Effect<Dialled, InvalidRequest> => {
  const refused = (field: string, text: string) =>
    Effect.fail(new InvalidRequest({ ...where, field, message: text }))

  if (target._tag === "UnixSocket") {
    const { path } = target
    if (typeof path !== "string") {
      const found = Effect.flatMap(path, (at) =>
        isPath(at)
          ? unixAddress(where, at)
          : Effect.fail(
              TransportError.because(where, new SocketNotFound({ message: `${NO_PATH}: "${shown(at)}"` }))
            )
      )
      return Effect.succeed({ address: found, rootCertificates: [] })
    }
    return isPath(path)
      ? Effect.succeed({ address: unixAddress(where, path), rootCertificates: [] })
      : refused("path", NO_PATH)
  }

  const { host, port } = target
  if (!isHost(host))
    return refused("url", "the host must be a name (letters, digits, dots and hyphens) or an IP address")
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    return refused("url", "the port must be a whole number from 1 to 65535")
  const address = Effect.succeed(`dns:${isIPv6(host) ? `[${host}]` : host}:${port}`)
  if (target._tag === "Plaintext") {
    return isLoopback(host)
      ? Effect.succeed({ address, rootCertificates: [] })
      : refused("url", "without TLS only this machine itself can be spoken to")
  }
  const rootCertificates = certificatesIn(target.rootCertificates)
  return typeof rootCertificates === "string"
    ? refused("rootCertificates", rootCertificates)
    : Effect.succeed({ address, rootCertificates })
}
