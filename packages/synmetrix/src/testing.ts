/**
 * Doubles of a Synmetrix deployment: in memory, and protocol-true on loopback. For tests only.
 *
 * @since 0.1.0
 */
export { AuthServer } from "./testing/AuthServer.ts"
export { SynmetrixEmulator } from "./testing/SynmetrixEmulator.ts"
export * as SynmetrixTest from "./testing/SynmetrixTest.ts"
