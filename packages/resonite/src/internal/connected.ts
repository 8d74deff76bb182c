/** A client of whatever socket is found. */
import type { InvalidRequest, TransportError } from "@latchkey/core/AuthError"
import { GrpcChannel } from "@latchkey/grpc"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Options, Resonite } from "../Resonite.ts"
import * as Operations from "./operations.ts"
import { usable } from "./sockets.ts"
import type { Where } from "./where.ts"

/** `find` runs for each connection. */
export const connected = Effect.fnUntraced(function* (
  where: Where,
  find: Effect.Effect<string, TransportError>,
  options: Pick<Options, "timeout">
): Effect.fn.Return<Resonite["Service"], InvalidRequest, Scope.Scope> {
  const channel = yield* GrpcChannel.make({
    ...where,
    target: { _tag: "UnixSocket", path: Effect.flatMap(find, (path) => usable(where, path)) }
  })
  return yield* Operations.make(channel, where, options)
})
