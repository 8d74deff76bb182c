/**
 * A session file that is shared with programs we do not own: read whole, changed under a lock, replaced as a whole.
 *
 * The lock is the write lock of a small database beside the file, which the system gives free when its holder dies. The
 * Python tools neither take it nor write as a whole: a file that cannot be read is looked at again before it counts as
 * damaged.
 */
import { NotRepresentable, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { existsSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { onDisk, unavailable, type Where } from "./explainFailure.ts"
import { insistOnPrivacy, type OnLooseMode } from "./isPrivate.ts"
import { leasesMark, leasesTable, prepareLeases } from "./leases.ts"
import { type Database, openDatabase } from "./openDatabase.ts"
import { type Content, type Known, MAX_BYTES, readAuthFile } from "./readAuthFile.ts"
import { ASIDE, clear } from "./unfinishedWrites.ts"
import { prepareWrites, writesTable } from "./whichWrite.ts"
import { followLinks } from "./followLinks.ts"
import { writePrivateFile } from "./writePrivateFile.ts"
import { writeSessions } from "./writeSessions.ts"

const prepare = (database: DatabaseSync) => ({ ...prepareLeases(database), ...prepareWrites(database) })

export type Statements = ReturnType<typeof prepare>

export interface AuthFile {
  /** The file itself, where links lead to it. */
  readonly target: string
  readonly read: Effect.Effect<Content, SessionStoreError>
  /** Reads, and writes what `by` has made of the sessions, unless it says that they are as they were. */
  readonly change: <A>(
    by: (content: Content, statements: Statements) => Result.Result<Change<A>, SessionStoreError>,
    known?: Known
  ) => Effect.Effect<A, SessionStoreError>
  /** Whether the database is there, so that reading need not make it. */
  readonly isShared: () => boolean
  readonly database: Database<Statements>
}

export interface Change<A> {
  readonly answer: A
  readonly isChanged: boolean
}

/** "LKCS". */
const APPLICATION_ID = 0x4c4b4353

/** The Python code writes a file of usual size in much less. */
const untilWhole = Schedule.recurs(3).pipe(Schedule.addDelay(() => Effect.succeed("30 millis")))

/** Opens nothing yet. What crashed writers left is cleared when the database is first used. */
export const openAuthFile = Effect.fnUntraced(function* (
  where: Where,
  given: string,
  onLooseMode?: OnLooseMode
): Effect.fn.Return<AuthFile, SessionStoreError, Scope.Scope> {
  const path = resolve(given)
  const target = yield* Effect.fromResult(onDisk(where, path, () => Result.succeed(followLinks(path))))
  const aside = join(dirname(target), ASIDE, basename(target))
  const lock = join(aside, "lock.db")
  const insist = insistOnPrivacy(where, onLooseMode)
  const database = yield* openDatabase({
    where,
    path: lock,
    applicationId: APPLICATION_ID,
    migrations: [leasesTable + writesTable, leasesMark],
    prepare,
    // After a loss of power nobody is left who holds a lease, and a version that is gone is made up from the entry.
    survivesPowerLoss: false,
    afterOpen: () => clear(aside)
  })
  const isShared = () => existsSync(lock)

  const isPrivate = Effect.andThen(insist(path), insist(lock))
  const look = (known?: Known): Result.Result<Content, SessionStoreError> =>
    onDisk(where, path, () =>
      followLinks(path) === target
        ? readAuthFile(where, path, known)
        : Result.fail(unavailable(where, `${path} now leads elsewhere: open the store anew`))
    )

  return {
    target,
    database,
    isShared,
    read: Effect.andThen(isPrivate, patiently(Effect.suspend(() => Effect.fromResult(look())))),
    change: (by, known) =>
      Effect.andThen(
        isPrivate,
        patiently(
          database.write((statements) =>
            Result.flatMap(look(known), (content) =>
              Result.flatMap(by(content, statements), ({ answer, isChanged }) =>
                onDisk(where, path, () => {
                  if (isChanged) {
                    const bytes = Buffer.from(writeSessions(content.sessions))
                    if (bytes.length > MAX_BYTES) return Result.fail(tooLarge(where, path))
                    writePrivateFile({ path: target, temporary: aside, bytes })
                  }
                  return Result.succeed(answer)
                })
              )
            )
          )
        )
      )
  }
})

const tooLarge = (where: Where, path: string) =>
  SessionStoreError.because(
    where,
    new NotRepresentable({ message: `${path} would be larger than ${MAX_BYTES} bytes` })
  )

const patiently = <A>(attempt: Effect.Effect<A, SessionStoreError>) =>
  Effect.retry(attempt, { while: ({ reason }) => reason._tag === "Corrupt", schedule: untilWhole })
