/**
 * What is needed to sign in to Synmetrix, what can come of it, and how it can fail.
 *
 * Results without a token are values and no failures: the server did what was asked.
 *
 * @since 0.1.0
 */
import type {
  AccountExists,
  FailedPrecondition,
  InvalidLogin,
  InvalidToken,
  NotAuthenticated,
  PermissionDenied,
  ProviderError,
  SessionExpired
} from "@latchkey/core/AuthError"
import type { Session } from "@latchkey/core/Session"
import * as Data from "effect/Data"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"

/**
 * An account as the server describes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface User {
  readonly id: string
  readonly email: string
  readonly displayName?: string
  readonly avatarUrl?: string
}

/**
 * What a sign-in can come to. Each operation lists those that it can give.
 *
 * @category models
 * @since 0.1.0
 */
export type SignIn = Data.TaggedEnum<{
  SignedIn: { readonly session: Session }
  /** The password was right; `submitTotp` goes on with the ticket, within an hour. */
  SecondFactorRequired: { readonly ticket: Redacted.Redacted<string> }
  /** A mail is on its way; `completeMagicLink` goes on with where its link leads. */
  LinkSent: {}
  /** The account was made, and waits for the link in a mail. */
  ActivationPending: { readonly user: User }
}>

/**
 * @category constructors
 * @since 0.1.0
 */
export const SignIn = Data.taggedEnum<SignIn>()

/**
 * @category models
 * @since 0.1.0
 */
export type SignedIn = Data.TaggedEnum.Value<SignIn, "SignedIn">

/**
 * @category models
 * @since 0.1.0
 */
export type SecondFactorRequired = Data.TaggedEnum.Value<SignIn, "SecondFactorRequired">

/**
 * @category models
 * @since 0.1.0
 */
export type LinkSent = Data.TaggedEnum.Value<SignIn, "LinkSent">

/**
 * @category models
 * @since 0.1.0
 */
export type ActivationPending = Data.TaggedEnum.Value<SignIn, "ActivationPending">

/**
 * @category models
 * @since 0.1.0
 */
export interface Credentials {
  /** Sent as it is, neither trimmed nor put in lower case. */
  readonly email: string
  readonly password: Redacted.Redacted<string>
}

/**
 * A new account.
 *
 * @category models
 * @since 0.1.0
 */
export interface Registration {
  /** Sent as it is. */
  readonly email: string
  /** Without one the account has none, and is signed in to by magic links. */
  readonly password?: Redacted.Redacted<string>
  /** Custom fields; a server refuses those that it does not declare. */
  readonly userData?: { readonly [field: string]: Schema.Json }
  readonly allowedRoles?: ReadonlyArray<string>
  /** One of the allowed ones. */
  readonly defaultRole?: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SecondFactor {
  /** Of `SecondFactorRequired`. */
  readonly ticket: Redacted.Redacted<string>
  /** The code that the authenticator shows now. */
  readonly code: Redacted.Redacted<string>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface PasswordChange {
  readonly oldPassword: Redacted.Redacted<string>
  readonly newPassword: Redacted.Redacted<string>
}

/**
 * Where the link of a mail has led, query included. It holds a live token.
 *
 * @category models
 * @since 0.1.0
 */
export type CallbackUrl = Redacted.Redacted<string>

/**
 * What every call can fail with. `PermissionDenied`: the server, or something in front of it, does not let this client in.
 *
 * @category errors
 * @since 0.1.0
 */
export type CallError = ProviderError | PermissionDenied

/**
 * `InvalidLogin` is an unknown account as well as a wrong password; a server whose database is away gives it, too.
 * `FailedPrecondition` is `AccountNotActivated`. `InvalidResponse` with the code 400: the server had no explanation, as
 * for an account that has no password; whether the password is right was not told.
 *
 * @category errors
 * @since 0.1.0
 */
export type LoginError = CallError | InvalidLogin | FailedPrecondition

/**
 * @category errors
 * @since 0.1.0
 */
export type RegisterError = CallError | AccountExists

/**
 * `InvalidLogin` is that of the code (`totp`), `InvalidToken` that of the ticket.
 *
 * @category errors
 * @since 0.1.0
 */
export type TotpError = CallError | InvalidLogin | InvalidToken

/**
 * `InvalidToken` is the verdict on the link: wrong, used or too old. There is no session that it could be about.
 *
 * @category errors
 * @since 0.1.0
 */
export type LinkError = CallError | InvalidToken

/**
 * `NotAuthenticated`: the session holds nothing to renew it with, and nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export type RefreshError = CallError | NotAuthenticated | SessionExpired

/**
 * `NotAuthenticated`: the session holds no refresh token, and nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export type LogoutError = CallError | NotAuthenticated | SessionExpired

/**
 * `InvalidLogin`: the old password is wrong. `InvalidToken`: the access token is no longer accepted; renew the session, as `use`
 * of a `SessionRef` does by itself.
 *
 * @category errors
 * @since 0.1.0
 */
export type ChangePasswordError = CallError | NotAuthenticated | InvalidLogin | InvalidToken
