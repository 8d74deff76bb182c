/**
 * @since 0.1.0
 */
export type { AccessToken } from "./AccessToken.ts"
export {
  type ActivationPending,
  type CallbackUrl,
  type CallError,
  type ChangePasswordError,
  type Credentials,
  type LinkError,
  type LinkSent,
  type LoginError,
  type LogoutError,
  type PasswordChange,
  type RefreshError,
  type RegisterError,
  type Registration,
  type SecondFactor,
  type SecondFactorRequired,
  SignIn,
  type SignedIn,
  type TotpError,
  type User
} from "./SignIn.ts"
export {
  type CallOptions,
  type LogoutOptions,
  type Options,
  Synmetrix,
  type VerifyOptions
} from "./Synmetrix.ts"
