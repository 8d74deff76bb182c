/** Whose a new socket is. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { connect, type Socket } from "node:net"
import { inside, outside, startCollecting } from "../src/internal/sockets.ts"
import * as peers from "./fixtures/peers.ts"

describe("a new socket", () => {
  it.live(
    "is its owner's when it comes of what the owner does, and the caller's when it comes of what that does",
    () =>
      Effect.gen(function* () {
        const peer = yield* peers.silent
        yield* startCollecting
        yield* startCollecting
        const collected: Array<Socket> = []
        const own = yield* Effect.callback<Socket>((resume) => {
          const owner = { collected: (socket: Socket) => void collected.push(socket) }
          inside(owner, () => {
            const socket = connect(peer.port, "127.0.0.1", () => {
              outside(() =>
                connect(peer.port, "127.0.0.1", function (this: Socket) {
                  this.destroy()
                  resume(Effect.succeed(socket))
                })
              )
            })
          })
        })
        assert.deepStrictEqual(collected, [own])
        own.destroy()
      })
  )
})
