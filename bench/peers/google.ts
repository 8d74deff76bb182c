/** Callers of `google-auth-library`: `node google.ts URL FILE`. What comes with the event `tokens` is kept in a JSON file. */
import { type Credentials, OAuth2Client } from "google-auth-library"
import { readFileSync, writeFileSync } from "node:fs"
import { callers } from "./callers.ts"

const [url = "", file = ""] = process.argv.slice(2)

const read = (): Credentials => JSON.parse(readFileSync(file, "utf8"))

const client = new OAuth2Client({
  clientId: "client",
  clientSecret: "secret",
  endpoints: { oauth2TokenUrl: `${url}/token` }
})
client.setCredentials(read())
client.on("tokens", (tokens) => writeFileSync(file, JSON.stringify({ ...read(), ...tokens })))

await callers(async () => (await client.getAccessToken()).token)
