/** Callers of `@supabase/auth-js`: `node supabase.ts URL FILE`. The storage is a JSON file, as people write one for Node. */
import { AuthClient, type SupportedStorage } from "@supabase/auth-js"
import { readFile, writeFile } from "node:fs/promises"
import { callers } from "./callers.ts"

const [url = "", file = ""] = process.argv.slice(2)

const read = async (): Promise<Record<string, string>> =>
  JSON.parse(await readFile(file, "utf8").catch(() => "{}"))

const storage: SupportedStorage = {
  getItem: async (key) => (await read())[key] ?? null,
  setItem: async (key, value) => writeFile(file, JSON.stringify({ ...(await read()), [key]: value })),
  removeItem: async (key) => {
    const { [key]: _, ...rest } = await read()
    await writeFile(file, JSON.stringify(rest))
  }
}

const client = new AuthClient({
  url: `${url}/auth/v1`,
  storage,
  storageKey: "session",
  autoRefreshToken: false,
  detectSessionInUrl: false
})

await callers(async () => (await client.getSession()).data.session?.access_token)
