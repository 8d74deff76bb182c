/**
 * Whose a new socket is.
 *
 * grpc-js never gives up a connection attempt, not even when its channel is closed. So the sockets of a line are
 * collected, to be destroyed with it.
 */
import * as Effect from "effect/Effect"
import { AsyncLocalStorage } from "node:async_hooks"
import diagnostics from "node:diagnostics_channel"
import { Socket } from "node:net"

export interface Owner {
  readonly collected: (socket: Socket) => void
}

const connecting = new AsyncLocalStorage<Owner | undefined>()

/** Sockets that come of this, now or later, belong to the owner. */
export const inside = <A>(owner: Owner, run: () => A): A => connecting.run(owner, run)

/** Runs what is the caller's: a connection that it makes must never be taken for one of a line. */
export const outside = (run: () => void): void => connecting.run(undefined, run)

const collect = (message: unknown): void => {
  const owner = connecting.getStore()
  if (owner === undefined || typeof message !== "object" || message === null || !("socket" in message)) return
  if (message.socket instanceof Socket) owner.collected(message.socket)
}

let isCollecting = false

/** For the life of the process: grpc-js may make a socket long after the scope of its channel has ended. */
export const startCollecting = Effect.sync(() => {
  if (!isCollecting) diagnostics.subscribe("net.client.socket", collect)
  isCollecting = true
})
