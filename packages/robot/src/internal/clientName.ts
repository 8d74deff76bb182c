/** What the client calls itself in every request (contract, sections 2.1 and 4.17). */
import { hostname } from "node:os"

/** The definitions have no rule; this is ours. */
export const MAX_LENGTH = 100

export const isAcceptable = (name: string): boolean =>
  /^[\x20-\x7e]+$/.test(name) && name.length <= MAX_LENGTH

/** Names the machine and the process, in ASCII. */
export const fromHost = (): string =>
  `latchkey-${hostname()
    .replace(/[^\x21-\x7e]/g, "?")
    .slice(0, MAX_LENGTH / 2)}:${process.pid}`
