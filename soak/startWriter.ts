/** `writer.ts` in a process of its own, which does not outlive this one; and what it has written. */
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { numberOf } from "./tokens.ts"

interface Writer {
  readonly process: ChildProcess
  /** The last number that it has reported as saved, of both accounts. */
  readonly saved: () => number
  readonly started: Promise<void>
  readonly ended: Promise<void>
}

export const startWriter = (path: string): Writer => {
  const script = fileURLToPath(new URL("./writer.ts", import.meta.url))
  const args = ["--disable-warning=ExperimentalWarning", "--conditions=@latchkey/source", script, path]
  const process_ = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
  const kill = () => process_.kill("SIGKILL")
  process.once("exit", kill)
  process_.once("close", () => process.off("exit", kill))
  let saved = 0
  const ended = new Promise<void>((resolve) => process_.once("close", () => resolve()))
  const started = new Promise<void>((resolve) => {
    process_.stdout.setEncoding("utf8").on("data", (text: string) => {
      saved = Number(text.trimEnd().split("\n").at(-1) ?? saved)
      resolve()
    })
  })
  return { process: process_, saved: () => saved, started: Promise.race([started, ended]), ended }
}

/** The numbers of the tokens in the file; none where it is torn, empty or not whole. */
export const numbersIn = (path: string): ReadonlyArray<number> | undefined => {
  try {
    const text = readFileSync(path, "utf8")
    const accounts: Record<string, { token: { access_token: string } }> =
      JSON.parse(text)["https://cryosparc.example.com"]
    const numbers = Object.values(accounts).flatMap(({ token }) => numberOf(token.access_token) ?? [])
    return numbers.length === Object.keys(accounts).length && numbers.length > 0 ? numbers : undefined
  } catch {
    return undefined
  }
}
