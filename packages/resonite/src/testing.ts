/**
 * Doubles of a game: in memory, and protocol-true on a Unix socket. For tests only.
 *
 * @since 0.1.0
 */
export { Game } from "./testing/Game.ts"
export { ResoniteEmulator } from "./testing/ResoniteEmulator.ts"
export * as ResoniteTest from "./testing/ResoniteTest.ts"
