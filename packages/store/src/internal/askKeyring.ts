/** What the keyring keeps under a name, asked for by a process of its own that ends in time. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import { parse } from "node:path"
import { unavailable, type Where } from "./explainFailure.ts"
import { keyringProcess, type Request } from "./keyringProcess.ts"
import { whyNoKeyring } from "./whyNoKeyring.ts"

const Answer = Schema.fromJsonString(
  Schema.Union([Schema.Struct({ kept: Schema.String }), Schema.Struct({ failed: Schema.String })])
)

const decode = Schema.decodeUnknownOption(Answer)

/** Fails with `Unavailable`, which says why. However it ends, the process has ended first. */
export const askKeyring = (
  where: Where,
  request: Request,
  limit: Duration.Duration
): Effect.Effect<string, SessionStoreError> =>
  run(where, JSON.stringify(request)).pipe(
    Effect.timeoutOrElse({
      duration: limit,
      orElse: () =>
        Effect.fail(
          unavailable(
            where,
            `the keyring has not answered for ${Duration.format(limit)}: perhaps it waits for somebody to unlock it; do that, then try again`
          )
        )
    }),
    Effect.flatMap((said) => {
      const answer = Option.getOrUndefined(decode(said))
      if (answer === undefined) {
        return Effect.fail(unavailable(where, "the process that asks the keyring has died: try again"))
      }
      if ("kept" in answer) return Effect.succeed(answer.kept)
      return Effect.fail(
        unavailable(where, answer.failed === "library" ? missing : whyNoKeyring(answer.failed))
      )
    })
  )

export const missing =
  "@napi-rs/keyring cannot be loaded: install it, with its binary for this platform, or give the key in another way"

const run = (where: Where, input: string): Effect.Effect<string, SessionStoreError> =>
  Effect.callback((resume) => {
    const fail = (message: string) => resume(Effect.fail(unavailable(where, message)))
    const notStarted = () =>
      fail("no process can be started to ask the keyring: allow it, or free some resources")
    // Somebody who was to run that text has run this program again: each would start the next.
    if (process.argv.includes(keyringProcess)) {
      return fail(
        "this program is not run by Node itself, which is to ask the keyring: give the key in another way"
      )
    }
    try {
      const child = spawn(process.execPath, ["--input-type=module", "--eval", keyringProcess], {
        // Where this program is may be gone.
        cwd: parse(process.execPath).root,
        stdio: ["pipe", "pipe", "ignore"],
        windowsHide: true
      })
      const ended = new Promise<void>((resolve) => {
        child.on("exit", () => resolve())
        child.on("error", () => {
          resolve()
          notStarted()
        })
      })
      let said = ""
      child.on("close", () => resume(Effect.succeed(said)))
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        said += chunk
      })
      // It may be gone before it was told.
      child.stdin.on("error", () => undefined)
      child.stdin.end(input)
      return Effect.promise(() => {
        child.kill("SIGKILL")
        // What the library has started may keep it open.
        child.stdout.destroy()
        return ended
      })
    } catch {
      // Node throws where it is not permitted, and gives no streams where no file can be opened any more.
      return notStarted()
    }
  })
