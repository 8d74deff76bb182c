/**
 * @since 0.1.0
 */
export { AuthStatus } from "./AuthStatus.ts"
export { type Options, Resonite } from "./Resonite.ts"
export * as ResoniteSocket from "./ResoniteSocket.ts"
export type * from "./SignIn.ts"
