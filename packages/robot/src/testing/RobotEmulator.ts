/**
 * A protocol-true robot on loopback, over TLS, with certificates of its own. For tests, demos and other programs.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import { GrpcServer, TestCertificates } from "@latchkey/grpc/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Robot, type Options as RobotOptions } from "../Robot.ts"
import * as Spot from "./Spot.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends Spot.Options {
  /** Default: a free one. */
  readonly port?: number
  /** The options of the client in the layer. */
  readonly client?: Partial<RobotOptions>
}

/**
 * What another program needs to reach the emulator.
 *
 * @category services
 * @since 0.1.0
 */
export class RobotEmulator extends Context.Service<
  RobotEmulator,
  {
    /** `https://127.0.0.1:PORT`. */
    readonly url: string
    /** PEM. */
    readonly rootCertificates: string
    readonly server: GrpcServer.GrpcServer
  }
>()("@latchkey/robot/testing/RobotEmulator") {
  /** The emulator, the robot in it, and a client of it. */
  static readonly layer = (
    options: Options = {}
  ): Layer.Layer<RobotEmulator | Spot.Spot | Robot, InvalidRequest> =>
    Layer.unwrap(
      Effect.map(make(options), (context) => {
        const { rootCertificates, url } = Context.get(context, RobotEmulator)
        return Layer.merge(
          Layer.succeedContext(context),
          Robot.layer({ url, rootCertificates, ...options.client })
        )
      })
    )
}

/** One certificate for all services of the robot, as its proxy has it. */
const NAMES = ["*.spot.robot"]

const make = Effect.fnUntraced(function* (options: Options) {
  const { control, faults, handlers } = yield* Spot.make(options)
  const { certificate, key, rootCertificate } = yield* TestCertificates.make({ names: NAMES })
  const server = yield* GrpcServer.make({
    listen: { _tag: "Tls", certificate, key, ...(options.port !== undefined && { port: options.port }) },
    handlers,
    faults
  })
  return Context.make(RobotEmulator, { url: server.url, rootCertificates: rootCertificate, server }).pipe(
    Context.add(Spot.Spot, control(server.dropConnections))
  )
})
