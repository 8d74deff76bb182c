/**
 * What a failure of Redis means to the caller, and what there is to do about it.
 *
 * Redis begins a refusal with a code. What follows the code may quote what was sent: it is never shown.
 */
import type { RedisError } from "effect/persistence/Redis"

/** Empty where no server has spoken: the connection was lost, or there is none. */
export const codeOf = ({ cause }: RedisError): string =>
  (cause instanceof Error && /^([A-Z][A-Z_]*)(?: |$)/.exec(cause.message)?.[1]) || ""

/** It may be possible in a moment. */
export const passes = (code: string): boolean => passing.has(code)

const passing = new Set(["", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY"])

export const whyRefused = (code: string): string =>
  advice[code] ?? `the server refused with ${code}: its log may say why`

const credentials = "the server did not accept who we are: check the user and the password of the connection"
const otherNode =
  "the keys live on another node of a cluster: provide a Redis that follows the cluster, and a prefix without braces"
const busy = "the server is not ready: try again"

const advice: Record<string, string | undefined> = {
  NOAUTH: credentials,
  WRONGPASS: credentials,
  NOPERM:
    "the user may not do this: allow it the keys of the prefix, scripts, and the commands on strings, hashes and sorted sets",
  READONLY: "the server is a replica and takes no writes: connect to the primary",
  OOM: "the server's memory is full: raise its `maxmemory`",
  MISCONF: "the server cannot save to its disk: make room there",
  NOREPLICAS: "the server has too few replicas to take writes: mend them",
  MOVED: otherNode,
  ASK: otherNode,
  CROSSSLOT: otherNode,
  LOADING: busy,
  MASTERDOWN: busy,
  CLUSTERDOWN: busy,
  TRYAGAIN: busy,
  BUSY: busy
}
