/**
 * @since 0.1.0
 */
export * as GrpcChannel from "./GrpcChannel.ts"
export * as GrpcMethod from "./GrpcMethod.ts"
export * as GrpcStatus from "./GrpcStatus.ts"
