/** The same job with a real robot. What is asked for is asked on the terminal, or read from standard input. */
import { Sessions } from "@latchkey/core"
import { Robot } from "@latchkey/robot"
import { SqliteSessionStore } from "@latchkey/store"
import { Effect, Layer, Redacted, Stdio, Stream } from "effect"
import { CliError, Prompt } from "effect/cli"
import { line, passed, title } from "./print.ts"

export interface Options {
  readonly url: string
  readonly username: string
  readonly rootCertificates: string
  readonly passwordStdin: boolean
}

/** Without the line end that `echo` adds. */
const passwordFromStdin = Effect.gen(function* () {
  const { stdin } = yield* Stdio.Stdio
  const text = yield* Stream.mkString(Stream.decodeText(stdin))
  return Redacted.make(text.replace(/\r?\n$/, ""))
})

const passwordFromTerminal = Effect.fnUntraced(function* (username: string) {
  const { stdinIsTerminal, stdoutIsTerminal } = yield* Stdio.Stdio
  if ((yield* stdinIsTerminal) && (yield* stdoutIsTerminal)) {
    return yield* Prompt.run(Prompt.Hidden({ message: `Password of ${username}` }))
  }
  return yield* new CliError.UserError({
    cause: "there is no terminal to ask for the password: pipe it in and say --password-stdin"
  })
})

export const realRobot = Effect.fnUntraced(function* (options: Options) {
  const { url, username } = options
  const rootCertificates = yield* Robot.rootCertificates(options.rootCertificates)
  const password = yield* options.passwordStdin ? passwordFromStdin : passwordFromTerminal(username)

  yield* Effect.gen(function* () {
    const robot = yield* Robot
    const sessions = yield* Sessions
    yield* title(`Signing in to ${url}`)
    const login = robot.auth({ username, password })
    const live = yield* sessions.signIn(robot, { account: username, secret: password, login })
    const session = yield* live.get
    const id = yield* live.use((it) => robot.robotIdWith(it))
    yield* line("robot", [id.nickname, id.serialNumber, id.species].filter((it) => it !== "").join(", "))
    yield* line("account", session.key.account)
    yield* passed("signed in, and stored for the next program that asks")
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        Robot.layer({ url, rootCertificates }),
        Sessions.layer.pipe(Layer.provide(SqliteSessionStore.layer()))
      )
    )
  )
})
