/**
 * Doubles of TrustAuthX: in memory, and protocol-true on loopback. For tests only.
 *
 * @since 0.1.0
 */
export { Authority } from "./testing/Authority.ts"
export { TrustAuthXEmulator } from "./testing/TrustAuthXEmulator.ts"
export * as TrustAuthXTest from "./testing/TrustAuthXTest.ts"
