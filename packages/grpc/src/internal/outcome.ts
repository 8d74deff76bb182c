/** What is known of a call when it is over. */
import type {
  InvalidResponse,
  InvalidToken,
  PermissionDenied,
  ServerError,
  TransportError
} from "@latchkey/core/AuthError"
import type { GrpcStatus } from "../GrpcStatus.ts"

export interface Outcome {
  readonly code: number
  readonly details: string
  /** Whether the far end sent at least response headers. */
  readonly answered: boolean
  /** Whether the status surely came over the wire, from something that speaks gRPC. */
  readonly isTheirs: boolean
  /** Of the response headers. */
  readonly contentType: string | undefined
  /** Of the response headers: `retry-after`. */
  readonly retryAfter: string | undefined
  /** How many messages came. */
  readonly messages: number
  /** The last one. */
  readonly message: Uint8Array | undefined
}

/** Of a call that the far end sent nothing for. */
export const madeUp = (code: number, details: string): Outcome => ({
  code,
  details,
  answered: false,
  isTheirs: false,
  contentType: undefined,
  retryAfter: undefined,
  messages: 0,
  message: undefined
})

export interface Where {
  readonly provider: string
  readonly instance: string
}

export type Failure =
  | GrpcStatus
  | InvalidToken
  | PermissionDenied
  | TransportError
  | ServerError
  | InvalidResponse
