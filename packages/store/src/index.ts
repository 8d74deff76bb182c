/**
 * @since 0.1.0
 */
export * as BosdynTokenStore from "./BosdynTokenStore.ts"
export * as CryosparcSessionStore from "./CryosparcSessionStore.ts"
export * as EncryptedSessionStore from "./EncryptedSessionStore.ts"
export * as InstanceAuthSessions from "./InstanceAuthSessions.ts"
export * as PassphraseKey from "./PassphraseKey.ts"
export * as SealingKey from "./SealingKey.ts"
export * as SqliteSessionStore from "./SqliteSessionStore.ts"
