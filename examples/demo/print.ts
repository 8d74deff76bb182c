/** What a person sees: aligned, coloured on a terminal, plain when piped. */
import { Console, Effect, Runtime, Schema } from "effect"
import { styleText } from "node:util"

export type Style = Parameters<typeof styleText>[0]

/** `styleText` knows about terminals, NO_COLOR and FORCE_COLOR. */
const styled = (style: Style, text: string) => styleText(style, text, { stream: process.stdout })

/** The longest tag that is shown, and a gap. */
const LABEL_WIDTH = "TemporarilyLockedOut".length + 2

export const title = (text: string) => Console.log(`\n${styled("bold", text)}`)

/** One line under a title. */
export const line = (label: string, text: string, style: Style = "reset") =>
  Console.log(`  ${styled("dim", label.padEnd(LABEL_WIDTH))}${styled(style, text)}`)

export const passed = (text: string) => line("✓", text, "green").pipe(Effect.asVoid)

export const failed = (text: string) => Console.error(`\n${styled("red", `✗ ${text}`)}\n`)

/** Nothing to say, as there is nobody to say it to; ends the process with what a shell shows for SIGPIPE. */
export class ReaderIsGone extends Schema.TaggedError<ReaderIsGone>()("ReaderIsGone", {}) {
  override readonly [Runtime.errorReported] = false
  override readonly [Runtime.errorExitCode] = 141
}

/** Fails when nobody reads what is printed any more, as with `| head`. */
export const whileRead = Effect.callback<never, ReaderIsGone>((resume) => {
  const listener = (error: NodeJS.ErrnoException) =>
    resume(error.code === "EPIPE" ? Effect.fail(new ReaderIsGone()) : Effect.die(error))
  process.stdout.on("error", listener)
  return Effect.sync(() => process.stdout.off("error", listener))
})
