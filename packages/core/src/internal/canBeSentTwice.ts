/** Which body is still there after it was sent. */
import type { HttpBody } from "effect/http/HttpBody"
import * as Predicate from "effect/Predicate"

export const canBeSentTwice = (body: HttpBody): boolean => {
  switch (body._tag) {
    case "Empty":
    case "Uint8Array":
    case "FormData":
      return true
    case "Stream":
      return false
    // Whatever the platform takes, streams of its own included.
    case "Raw":
      return (
        Predicate.isString(body.body) ||
        body.body instanceof ArrayBuffer ||
        ArrayBuffer.isView(body.body) ||
        body.body instanceof URLSearchParams ||
        body.body instanceof Blob
      )
  }
}
