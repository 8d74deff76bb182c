/** What others make of the same. These promise nothing: what is broken here is for comparison. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { kills } from "./kills.ts"
import { initialSession, type Peer, renewals, textAt } from "./renewals.ts"

export interface Line {
  readonly what: string
  readonly count: number
  /** What should be none. */
  readonly broken: Readonly<Record<string, number>>
}

const HOURS_AGO = Date.now() - 10_000_000

const supabase: Peer = {
  library: "@supabase/auth-js",
  program: "supabase",
  initial: () => {
    const session = { ...initialSession(), expires_in: 3600, expires_at: Math.floor(HOURS_AGO / 1000) }
    return JSON.stringify({ session: JSON.stringify(session) })
  },
  tokenIn: (text) => textAt(textAt(text, "session") ?? "", "refresh_token")
}

const google: Peer = {
  library: "google-auth-library",
  program: "google",
  initial: () => JSON.stringify({ ...initialSession(), expiry_date: HOURS_AGO }),
  tokenIn: (text) => textAt(text, "refresh_token")
}

/** Each takes the share of the full numbers that is asked for. */
export const rows: Readonly<Record<string, (share: number) => Promise<Line>>> = {
  supabase: (share) => renewals(supabase, Math.ceil(20 * share)),
  google: (share) => renewals(google, Math.ceil(20 * share)),
  msal: (share) => kills("@azure/msal-node-extensions, FilePersistence", "msal", Math.ceil(1_000 * share)),
  keyvaluestore: (share) =>
    kills("Effect's KeyValueStore.layerFileSystem", "keyValueStore", Math.ceil(1_000 * share))
}

/** Installs their libraries, which are those of the benches; false where that cannot be. Says itself what went wrong. */
export const install = async (): Promise<boolean> => {
  const script = fileURLToPath(new URL("../../scripts/bench.mjs", import.meta.url))
  const installing = spawn(process.execPath, [script, "--install"], { stdio: "inherit" })
  const [code] = await once(installing, "close")
  return code === 0
}
