/** A program of a peer in a process of its own, which does not outlive this one. It finds its library in `bench`. */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"

export interface Started {
  readonly process: ChildProcessByStdio<Writable, Readable, null>
  /** The last line that it has printed. */
  readonly last: () => string | undefined
  /** When it has printed something, or is over. */
  readonly ready: Promise<void>
  readonly ended: Promise<void>
}

export const start = (name: string, args: ReadonlyArray<string>): Started => {
  const script = fileURLToPath(new URL(`../../bench/peers/${name}.ts`, import.meta.url))
  const started = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, ...args], {
    stdio: ["pipe", "pipe", "inherit"]
  })
  const kill = () => started.kill("SIGKILL")
  process.once("exit", kill)
  let last: string | undefined
  const ended = new Promise<void>((resolve) => {
    started.once("close", () => {
      process.off("exit", kill)
      resolve()
    })
  })
  const said = new Promise<void>((resolve) => {
    started.stdout.setEncoding("utf8").on("data", (text: string) => {
      last = text.trimEnd().split("\n").at(-1) ?? last
      resolve()
    })
  })
  return { process: started, last: () => last, ready: Promise.race([said, ended]), ended }
}
