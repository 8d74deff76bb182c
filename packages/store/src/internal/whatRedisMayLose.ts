/** Whether a server can lose what it was given. */

/**
 * Why it can, by what `INFO` says of it; none where it does not look like it. Our keys have no expiry, so that only policies
 * for all keys evict them.
 */
export const whatRedisMayLose = (info: unknown): string | undefined => {
  const fields = new Map(
    typeof info === "string" ? info.split(/\r?\n/).map((line) => pair(line.split(":"))) : []
  )
  const policy = fields.get("maxmemory_policy") ?? ""
  if (policy.startsWith("allkeys-") && fields.get("maxmemory") !== "0") {
    return `the server forgets sessions when its memory is full (${policy}): set \`maxmemory-policy\` to noeviction or volatile-lru`
  }
  if (fields.get("aof_enabled") === "0") {
    return "the server loses what was written last when it crashes: set `appendonly` to yes and `appendfsync` to always"
  }
  return fields.size < 2
    ? "the server does not tell whether it can lose sessions: allow the user INFO"
    : undefined
}

const pair = ([name = "", value = ""]: ReadonlyArray<string>): [string, string] => [name, value]
