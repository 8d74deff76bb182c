// Run by `npm run pack-check` in an empty project: the packed client dials, and says in a typed error what came of it.
import { GrpcChannel } from "@latchkey/grpc"
import { Effect, Option } from "effect"
import assert from "node:assert/strict"
import { tmpdir } from "node:os"
import { join } from "node:path"

const program = Effect.gen(function* () {
  const channel = yield* GrpcChannel.make({
    provider: "smoke",
    instance: "here",
    target: { _tag: "UnixSocket", path: join(tmpdir(), "latchkey-no-such-socket") }
  })
  const method = { path: "/smoke.Test/Call", encode: () => new Uint8Array(), decode: Option.some }
  return yield* Effect.flip(channel.unary(method, undefined))
}).pipe(Effect.scoped)

assert.equal((await Effect.runPromise(program))._tag, "TransportError")
