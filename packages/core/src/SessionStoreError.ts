/**
 * A store could not do what it was asked. The `reason` says why. Nothing that was stored has been touched; of a store over a
 * network that is `Unavailable` because no answer came, nobody can say.
 *
 * `provider` names the store (`sqlite`, `bosdyn`, …), `instance` says where it lies.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const message = { message: Schema.String }

/**
 * The store cannot be reached: a missing directory, a refused permission, a full disk, a server that is away.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", message) {
  readonly isRetryable = true
}

/**
 * What lies there is not a store of this kind, was damaged, or was written by a newer version. It is left as it is.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Corrupt extends Schema.TaggedError<Corrupt>()("Corrupt", message) {
  readonly isRetryable = false
}

/**
 * One entry cannot be read; the others can.
 *
 * @category reasons
 * @since 0.1.0
 */
export class CorruptEntry extends Schema.TaggedError<CorruptEntry>()("CorruptEntry", message) {
  readonly isRetryable = false
}

/**
 * The entry is no longer the one the caller has seen, or the caller's lease was taken over. Read it again.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", message) {
  readonly isRetryable = false
}

/**
 * Somebody else held the lease, or the lock of the store, for as long as the caller was ready to wait.
 *
 * @category reasons
 * @since 0.1.0
 */
export class LeaseTimeout extends Schema.TaggedError<LeaseTimeout>()("LeaseTimeout", message) {
  readonly isRetryable = true
}

/**
 * The store's format has no place for this session. Nothing was dropped in silence: nothing was written.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotRepresentable extends Schema.TaggedError<NotRepresentable>()("NotRepresentable", message) {
  readonly isRetryable = false
}

/**
 * The store is sealed under another key.
 *
 * @category reasons
 * @since 0.1.0
 */
export class WrongKey extends Schema.TaggedError<WrongKey>()("WrongKey", message) {
  readonly isRetryable = false
}

/**
 * @category schemas
 * @since 0.1.0
 */
export const SessionStoreErrorReason = Schema.Union([
  Unavailable,
  Corrupt,
  CorruptEntry,
  Conflict,
  LeaseTimeout,
  NotRepresentable,
  WrongKey
])

/**
 * @category reasons
 * @since 0.1.0
 */
export type SessionStoreErrorReason = typeof SessionStoreErrorReason.Type

/**
 * The failure itself. `isRetryable` is that of its reason.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionStoreError extends Schema.TaggedError<SessionStoreError>()("SessionStoreError", {
  provider: Schema.String,
  instance: Schema.String,
  message: Schema.String,
  reason: SessionStoreErrorReason
}) {
  /** Wraps a reason; the message is the reason's own, led by its tag. */
  static because(
    where: { readonly provider: string; readonly instance: string },
    reason: SessionStoreErrorReason
  ): SessionStoreError {
    return new SessionStoreError({
      provider: where.provider,
      instance: where.instance,
      message: `${reason._tag}: ${reason.message}`,
      reason
    })
  }

  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
