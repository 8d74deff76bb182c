/**
 * Who a robot says it is.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** Long enough for any serial number, and free of what could not be shown, or be (part of) a file's name anywhere. */
const SerialNumber = Schema.String.check(Schema.isPattern(/^(?!\.)[^\p{C}\p{Zl}\p{Zp}/\\:*?"<>|]{1,100}$/u))

const SoftwareVersion = Schema.Struct({
  majorVersion: Schema.Int,
  minorVersion: Schema.Int,
  patchLevel: Schema.Int
})

const SoftwareRelease = Schema.Struct({
  version: Schema.UndefinedOr(SoftwareVersion),
  name: Schema.String,
  type: Schema.String
})

/**
 * The robot's own account of itself (contract, section 1.4). What it leaves out is an empty string; only the serial
 * number is always there, because sessions are kept under it. Texts come without control characters, cut to 200
 * characters; believe them no more than that.
 *
 * @category models
 * @since 0.1.0
 */
export class RobotId extends Schema.Class<RobotId>("@latchkey/robot/RobotId")({
  serialNumber: SerialNumber,
  species: Schema.String,
  version: Schema.String,
  softwareRelease: Schema.UndefinedOr(SoftwareRelease),
  nickname: Schema.String,
  computerSerialNumber: Schema.String
}) {}
