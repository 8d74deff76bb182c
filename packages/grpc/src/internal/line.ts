/**
 * Which connection carries a call, and when it is time for another one.
 *
 * A line is one grpc channel that connects once. As soon as its connection fails, is lost, or a call on it ran into
 * its deadline, the next call gets a new line: grpc-js would make it wait for its back-off, or answer it with the last
 * failure, although the server may be back.
 *
 * grpc-js never gives up a connection attempt, not even when its channel is closed. So the sockets of a line are
 * collected here, and destroyed with it.
 */
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import { AsyncLocalStorage } from "node:async_hooks"
import diagnostics from "node:diagnostics_channel"
import { Socket } from "node:net"

const connecting = new AsyncLocalStorage<Line>()

const collect = (message: unknown): void => {
  const line = connecting.getStore()
  if (line === undefined || typeof message !== "object" || message === null || !("socket" in message)) return
  if (message.socket instanceof Socket) line.collected(message.socket)
}

// Subscribing the same function twice would call it twice.
let collectors = 0

/** Sockets of lines are collected until the scope ends. */
export const collecting = Effect.acquireRelease(
  Effect.sync(() => {
    if (collectors++ === 0) diagnostics.subscribe("net.client.socket", collect)
  }),
  () =>
    Effect.sync(() => {
      if (--collectors === 0) diagnostics.unsubscribe("net.client.socket", collect)
    })
)

export class Line {
  readonly channel: grpc.ChannelInterface
  readonly #onRetired: (line: Line, wasConnected: boolean) => void
  /** Open or still connecting. */
  readonly #sockets = new Set<Socket>()
  #onSilence = (): void => {}
  #connected = false
  #retired = false
  #calls = 0

  /** `onRetired` is called once, when no further call should use the line. */
  constructor(channel: () => grpc.ChannelInterface, onRetired: (line: Line, wasConnected: boolean) => void) {
    this.#onRetired = onRetired
    this.channel = connecting.run(this, () => {
      const made = channel()
      made.getConnectivityState(true)
      return made
    })
    this.#follow()
  }

  readonly #follow = (): void => {
    const state = this.channel.getConnectivityState(false)
    if (state === grpc.connectivityState.READY) this.#connected = true
    else if (this.#connected || state === grpc.connectivityState.TRANSIENT_FAILURE) this.retire()
    if (!this.#retired) this.channel.watchConnectivityState(state, Infinity, this.#follow)
  }

  /** Nothing is left of it. */
  get isSilent(): boolean {
    return this.#retired && this.#calls === 0 && this.#sockets.size === 0
  }

  /** Only while it is connecting: a caller's own connection must never be taken for one of the line's. */
  collected(socket: Socket): void {
    if (this.#connected || this.#retired) return
    this.#sockets.add(socket)
    socket.once("close", () => {
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) this.#onSilence()
    })
  }

  callStarted(): void {
    this.#calls++
  }

  /** Whether the caller gave it up: by its deadline (the connection may be dead), or by an interruption. */
  callEnded(gaveUp: "No" | "Deadline" | "Interruption"): void {
    this.#calls--
    if (gaveUp === "Deadline" || (gaveUp === "Interruption" && !this.#connected && this.#calls === 0))
      this.retire()
    else if (this.#retired && this.#calls === 0) this.#close()
  }

  /** No further calls; those that are on their way go on. */
  retire(): void {
    if (this.#retired) return
    this.#retired = true
    this.#onRetired(this, this.#connected)
    // grpc-js may be in the middle of telling its calls what happened.
    setImmediate(() => {
      if (this.#calls === 0) this.#close()
    })
  }

  #close(): void {
    this.channel.close()
    // A connection that stands is let go politely.
    if (!this.#connected) this.#destroy()
  }

  #destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Ends the line, politely; an interruption cuts it off. */
  readonly end: Effect.Effect<void> = Effect.callback((resume) => {
    this.#onSilence = () => resume(Effect.void)
    this.#retired = true
    this.#close()
    if (this.#sockets.size === 0) this.#onSilence()
    return Effect.sync(() => this.#destroy())
  })
}
