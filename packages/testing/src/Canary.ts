/**
 * Secrets that are planted to be looked for: whatever must not show a password or a token is searched for one.
 *
 * Plant `canary.secret` (or `canary.redacted`) wherever a real secret would go in, run the code under `capture`, then
 * call `assertAbsent` on what came out and `assertNoneCaptured` on what was logged, traced and counted.
 *
 * @since 0.1.0
 */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { disguises } from "./internal/disguises.ts"
import { type Rendering, renderings } from "./internal/renderings.ts"

/**
 * A secret that stands out: visible ASCII without blanks, so that it can stand in for any password or token.
 *
 * @category models
 * @since 0.1.0
 */
export interface Canary {
  readonly label: string
  readonly secret: string
  readonly redacted: Redacted.Redacted<string>
}

/**
 * A canary that was found: which one, in which disguise, and where. Never the secret itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Leak {
  readonly label: string
  /** `plain`, `reversed`, `percent`, `hex`, `base64` or `base64url`. */
  readonly form: string
  /** Such as `stack`, `cause.message`, `inspect`, `Cause.pretty`, `log` or `span`. */
  readonly where: string
}

/**
 * What `capture` has recorded so far, as it would be shown to people.
 *
 * @category services
 * @since 0.1.0
 */
export class Captured extends Context.Service<
  Captured,
  {
    /** Log lines, spans (name, attributes, events, links, exit) and metrics (name, labels, state), oldest first. */
    readonly everything: Effect.Effect<ReadonlyArray<Rendering>>
  }
>()("@latchkey/testing/Canary/Captured") {}

/**
 * The same label gives the same secret; different labels give secrets that do not contain each other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (label: string): Canary => {
  const secret = `canary+${label.replaceAll(/[^A-Za-z0-9-]/g, "_")}/8Fq2~zR7=vK4`
  return { label, secret, redacted: Redacted.make(secret, { label }) }
}

/**
 * Records logs of every level, spans and metrics instead of letting them out, for the effects it is provided to.
 *
 * @category layers
 * @since 0.1.0
 */
export const capture: Layer.Layer<Captured> = Layer.effectContext(
  Effect.sync(() => {
    const lines: Array<Rendering> = []
    const spans: Array<Tracer.Span> = []
    const registry: Metric.MetricRegistry = new Map()
    const logger = Logger.make((options) => {
      lines.push(
        { where: "log", text: Logger.formatLogFmt.log(options) },
        { where: "log", text: Logger.formatJson.log(options) },
        ...renderings([options.message, options.cause]).map(({ text }) => ({ where: "log", text }))
      )
    })
    const tracer = Tracer.make({
      span: (options) => {
        const span = Tracer.nativeTracer.span(options)
        spans.push(span)
        return span
      }
    })
    const counted = Effect.provideService(Metric.snapshot, Metric.MetricRegistry, registry)
    const everything = Effect.map(counted, (metrics) => [
      ...lines,
      ...spans.flatMap((span) => as("span", visible(span))),
      ...metrics.flatMap((metric) => as("metric", metric))
    ])
    return Context.make(Captured, { everything }).pipe(
      Context.add(Logger.CurrentLoggers, new Set([logger])),
      Context.add(References.MinimumLogLevel, "All"),
      Context.add(Tracer.Tracer, tracer),
      Context.add(Metric.MetricRegistry, registry)
    )
  })
)

/**
 * Looks for the canaries in everything that people or machines could make of `value`: message, stack, causes,
 * `String()`, JSON, `util.inspect` to the last level, `Cause.pretty`, and bytes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const find = (canaries: ReadonlyArray<Canary>, value: unknown): ReadonlyArray<Leak> =>
  search(canaries, renderings(value))

/**
 * @category assertions
 * @since 0.1.0
 */
export const assertAbsent = (canaries: ReadonlyArray<Canary>, value: unknown): void =>
  assert.deepStrictEqual(find(canaries, value), [])

/**
 * Looks for the canaries in what `capture` has recorded.
 *
 * @category combinators
 * @since 0.1.0
 */
export const findCaptured = (
  canaries: ReadonlyArray<Canary>
): Effect.Effect<ReadonlyArray<Leak>, never, Captured> =>
  Effect.gen(function* () {
    const captured = yield* Captured
    return search(canaries, yield* captured.everything)
  })

/**
 * @category assertions
 * @since 0.1.0
 */
export const assertNoneCaptured = (canaries: ReadonlyArray<Canary>): Effect.Effect<void, never, Captured> =>
  Effect.map(findCaptured(canaries), (leaks) => assert.deepStrictEqual(leaks, []))

/** What a tracing backend is sent: of how it ended, only a failure. */
const visible = (span: Tracer.Span) => ({
  name: span.name,
  attributes: span.attributes,
  events: "events" in span ? span.events : undefined,
  links: span.links.map((link) => link.attributes),
  failure: span.status._tag === "Ended" && Exit.isFailure(span.status.exit) ? span.status.exit : undefined
})

const as = (where: string, value: unknown): Array<Rendering> =>
  renderings(value).map(({ text }) => ({ where, text }))

const search = (canaries: ReadonlyArray<Canary>, texts: ReadonlyArray<Rendering>): ReadonlyArray<Leak> => {
  const leaks = new Map<string, Leak>()
  for (const { label, secret } of canaries) {
    const forms = disguises(secret)
    for (const { text, where } of texts) {
      for (const { form, isIn } of forms) {
        if (isIn(text)) leaks.set(JSON.stringify([label, form, where]), { label, form, where })
      }
    }
  }
  return [...leaks.values()]
}
