/**
 * Which connection carries a call, and when it is time for another one.
 *
 * A line is one grpc channel that connects once. As soon as its connection fails, is lost, or a call on it ran into
 * its deadline, the next call gets a new line: grpc-js would make it wait for its back-off, or answer it with the last
 * failure, although the server may be back. Nor does a call that grpc-js tries once more leave on a second connection:
 * another machine may be at its end.
 */
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { inside, outside } from "./sockets.ts"

export interface Watching {
  /** A connection was established, or an established one is not to be used any more. */
  readonly onChange: () => void
  /** Called once, when no further call should use the line. */
  readonly onRetired: (line: Line) => void
}

export class Line {
  readonly channel: grpc.ChannelInterface
  /** The path of the Unix socket that it dials, if it dials one. */
  readonly socket: string | undefined
  /** Goes with every call, and lets it out on the connection of the line only. */
  readonly guard: grpc.CallCredentials
  readonly #watching: Watching
  /** Open or still connecting. */
  readonly #sockets = new Set<Socket>()
  #onSilence = (): void => {}
  #connected = false
  #lost = false
  #retired = false
  #closed = false
  #calls = 0

  constructor(channel: () => grpc.ChannelInterface, socket: string | undefined, watching: Watching) {
    this.socket = socket
    this.#watching = watching
    this.guard = grpc.credentials.createFromMetadataGenerator((_, done) =>
      this.#lost
        ? done(Object.assign(new Error("lost"), { code: grpc.status.UNAVAILABLE }))
        : done(null, new grpc.Metadata())
    )
    this.channel = inside(this, () => {
      const made = channel()
      made.getConnectivityState(true)
      return made
    })
    this.#follow()
  }

  readonly #follow = (): void => {
    const state = this.channel.getConnectivityState(false)
    if (state === grpc.connectivityState.SHUTDOWN) return
    if (state === grpc.connectivityState.READY) {
      this.#connected = true
      this.#watching.onChange()
    } else if (this.#connected || state === grpc.connectivityState.TRANSIENT_FAILURE) {
      this.#lost = true
      if (this.#connected && this.#retired) this.#watching.onChange()
      this.retire()
    }
    if (!this.#lost) this.channel.watchConnectivityState(state, Infinity, this.#follow)
  }

  /** Its connection is established, and may be used. */
  get stands(): boolean {
    return this.#connected && !this.#retired
  }

  /** Its connection failed or was lost. */
  get isLost(): boolean {
    return this.#lost
  }

  /** Nothing is left of it. */
  get isSilent(): boolean {
    return this.#retired && this.#calls === 0 && this.#sockets.size === 0
  }

  collected(socket: Socket): void {
    if (this.#connected && !this.#lost) return
    if (this.#closed) {
      // Its maker is about to connect it.
      queueMicrotask(() => socket.destroy())
      return
    }
    this.#sockets.add(socket)
    socket.once("close", () => {
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) outside(this.#onSilence)
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
    if (this.#connected) this.#watching.onChange()
    this.#watching.onRetired(this)
    // grpc-js may be in the middle of telling its calls what happened.
    setImmediate(() => {
      if (this.#calls === 0) this.#close()
    })
  }

  #close(): void {
    this.#closed = true
    this.channel.close()
    // A connection that stands is let go politely.
    if (!this.#connected || this.#lost) this.#destroy()
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
