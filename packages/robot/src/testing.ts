/**
 * Doubles of a robot: in memory, and protocol-true on loopback. For tests only.
 *
 * @since 0.1.0
 */
export { RobotEmulator } from "./testing/RobotEmulator.ts"
export * as RobotTest from "./testing/RobotTest.ts"
export { Spot } from "./testing/Spot.ts"
