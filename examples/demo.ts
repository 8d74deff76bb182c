/**
 * `npm run demo`: signs in to a robot, stays signed in, and is still signed in after a restart; then signs in to a game, to a
 * CryoSPARC instance, to Synmetrix, and to TrustAuthX.
 *
 * Without flags all of them are emulators on this machine. With `--url`, `--username` and `--root-certificates`
 * there is only a robot, and it is yours.
 * Exits with 0 only if every step did what it says.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Option, Runtime } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { cryosparc } from "./demo/cryosparc.ts"
import { game } from "./demo/game.ts"
import { failed, whileRead } from "./demo/print.ts"
import { realRobot } from "./demo/realRobot.ts"
import { robot } from "./demo/robot.ts"
import { synmetrix } from "./demo/synmetrix.ts"
import { trustauthx } from "./demo/trustauthx.ts"

const demo = Command.make(
  "demo",
  {
    url: Flag.String("url").pipe(
      Flag.withDescription("A real robot, such as https://192.168.80.3"),
      Flag.optional
    ),
    username: Flag.String("username").pipe(Flag.withDescription("A user of that robot"), Flag.optional),
    rootCertificates: Flag.String("root-certificates").pipe(
      Flag.withDescription(
        "PEM files with the robot's root certificate; a pattern such as '/etc/spot/*.pem'"
      ),
      Flag.optional
    ),
    passwordStdin: Flag.Boolean("password-stdin").pipe(
      Flag.withDescription("Read the password from standard input instead of asking for it"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ passwordStdin, rootCertificates, url, username }) {
    const real = Option.all({ url, username, rootCertificates })
    if (Option.isSome(real)) return yield* realRobot({ ...real.value, passwordStdin })
    if ([url, username, rootCertificates].some(Option.isSome) || passwordStdin) {
      return yield* new CliError.UserError({
        cause: "a real robot needs all of --url, --username and --root-certificates"
      })
    }
    yield* robot
    yield* game
    yield* cryosparc
    yield* synmetrix
    yield* trustauthx
    yield* Console.log("\nEvery step did what it says.\n")
  })
).pipe(Command.withDescription("Sign in to a robot, stay signed in, and still be signed in after a restart"))

Command.run(demo, { version: "0.0.0" }).pipe(
  Effect.raceFirst(whileRead),
  Effect.tapError((error) =>
    // What is wrong with the command line has been said already.
    Runtime.getErrorReported(error) ? failed(`${error._tag}: ${error.message}`) : Effect.void
  ),
  Effect.tapDefect((defect) => failed(String(defect))),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
