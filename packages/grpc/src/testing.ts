/**
 * Doubles of a gRPC server: in memory, and protocol-true on loopback or a Unix socket. For tests only.
 *
 * @since 0.1.0
 */
export * as GrpcFaults from "./testing/GrpcFaults.ts"
export * as GrpcHandlers from "./testing/GrpcHandlers.ts"
export * as GrpcMemory from "./testing/GrpcMemory.ts"
export * as GrpcServer from "./testing/GrpcServer.ts"
export * as TestCertificates from "./testing/TestCertificates.ts"
