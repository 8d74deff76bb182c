/**
 * Doubles of a CryoSPARC instance: in memory, and protocol-true on loopback. For tests only.
 *
 * @since 0.1.0
 */
export { CryoSparcEmulator } from "./testing/CryoSparcEmulator.ts"
export * as CryoSparcTest from "./testing/CryoSparcTest.ts"
export { Instance } from "./testing/Instance.ts"
