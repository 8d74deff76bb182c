/**
 * Certificates for tests: a root of their own, and leaves for any names.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import { isIP } from "node:net"

/**
 * @category models
 * @since 0.1.0
 */
export interface Leaf {
  /** PEM. */
  readonly certificate: string
  /** PEM. */
  readonly key: string
}

/**
 * @category options
 * @since 0.1.0
 */
export interface LeafOptions {
  /** DNS names (a wildcard is one) or IP addresses. */
  readonly names: ReadonlyArray<string>
  /** Whether the leaf ended yesterday. Default: false. */
  readonly expired?: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TestRoot {
  /** PEM. */
  readonly rootCertificate: string
  readonly issue: (options: LeafOptions) => Effect.Effect<Leaf>
}

/**
 * One root and one leaf of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestCertificates extends Leaf, TestRoot {}

const DAY = 24 * 60 * 60 * 1000

// Both sides of a handshake look at the machine's clock, whatever clock a test has put in its place.
const machine = Clock.Clock.defaultValue()

/**
 * A root that signs any number of leaves.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeRoot: Effect.Effect<TestRoot> = Effect.gen(function* () {
  // An optional peer: only tests that use certificates need it.
  const { generate } = yield* Effect.promise(() => import("selfsigned"))
  // The default digest is SHA-1, which Node refuses.
  const common = { keyType: "ec", algorithm: "sha256" } as const
  const now = machine.currentTimeMillisUnsafe()
  const root = yield* Effect.promise(() =>
    // Two roots of one name could not be told apart.
    generate([{ name: "commonName", value: `Latchkey test root ${randomUUID()}` }], {
      ...common,
      notBeforeDate: new Date(now - 10 * DAY),
      notAfterDate: new Date(now + 10 * DAY),
      extensions: [
        { name: "basicConstraints", cA: true, critical: true },
        { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true }
      ]
    })
  )
  return {
    rootCertificate: root.cert,
    issue: ({ expired, names }) =>
      Effect.promise(() =>
        generate([{ name: "commonName", value: names[0] ?? "Latchkey test leaf" }], {
          ...common,
          ca: { key: root.private, cert: root.cert },
          notBeforeDate: new Date(now - 2 * DAY),
          notAfterDate: new Date(expired === true ? now - DAY : now + DAY),
          extensions: [
            { name: "basicConstraints", cA: false },
            { name: "extKeyUsage", serverAuth: true },
            {
              name: "subjectAltName",
              altNames: names.map((name) =>
                isIP(name) === 0 ? ({ type: 2, value: name } as const) : ({ type: 7, ip: name } as const)
              )
            }
          ]
        })
      ).pipe(Effect.map((leaf) => ({ certificate: leaf.cert, key: leaf.private })))
  }
})

/**
 * A root with one leaf.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: LeafOptions): Effect.Effect<TestCertificates> =>
  Effect.gen(function* () {
    const root = yield* makeRoot
    return { ...root, ...(yield* root.issue(options)) }
  })
