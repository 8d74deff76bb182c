/**
 * @since 0.1.0
 */
export {
  type CallOptions,
  type Credentials,
  CryoSparc,
  type LoginError,
  type Options,
  type TokenSource
} from "./CryoSparc.ts"
