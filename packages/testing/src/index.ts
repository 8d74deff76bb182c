/**
 * @since 0.1.0
 */
export * as Canary from "./Canary.ts"
export * as SessionStoreContract from "./SessionStoreContract.ts"
export * as TestProvider from "./TestProvider.ts"
