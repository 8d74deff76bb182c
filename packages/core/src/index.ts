/**
 * @since 0.1.0
 */
export * from "./AuthError.ts"
export type { Provider } from "./Provider.ts"
export { Account, Session } from "./Session.ts"
export { SessionKey } from "./SessionKey.ts"
export { SessionStore } from "./SessionStore.ts"
export * as SessionRef from "./SessionRef.ts"
export { Sessions } from "./Sessions.ts"
