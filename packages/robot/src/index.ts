/**
 * @since 0.1.0
 */
export { type Options, Robot, type RobotService } from "./Robot.ts"
export { RobotId } from "./RobotId.ts"
export type * from "./SignIn.ts"
