/**
 * @since 0.1.0
 */
export * as JwksCache from "./JwksCache.ts"
export * as Jwt from "./Jwt.ts"
export * as JwtKey from "./JwtKey.ts"
export * as KeySource from "./KeySource.ts"
export * as JwtVerifier from "./JwtVerifier.ts"
