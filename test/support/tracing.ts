import { Tracer } from "effect"

/** A tracer that keeps its spans, in the order in which they began. */
export const recording = (): { readonly spans: Array<Tracer.Span>; readonly tracer: Tracer.Tracer } => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = Tracer.nativeTracer.span(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}
