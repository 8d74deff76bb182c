/** Whether everything in an open database is where it should be. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Result from "effect/Result"
import type { DatabaseSync } from "node:sqlite"
import { damaged } from "./explainFailure.ts"
import type { Claim } from "./judgeDatabase.ts"

/** Reading a store of this size through takes some 25 ms, in which the event loop stands still. */
const MAX_BYTES_CHECKED = 8 * 1024 * 1024

/**
 * Whether tables and indexes agree, in a database that is not too large to be read through: of an index that is damaged
 * SQLite itself takes no notice, and would not find what is there.
 */
export const checkDatabase = (
  database: DatabaseSync,
  { file, where }: Claim
): Result.Result<void, SessionStoreError> => {
  const size = database
    .prepare("select page_count * page_size as bytes from pragma_page_count, pragma_page_size")
    .get()
  if (Number(size?.["bytes"]) > MAX_BYTES_CHECKED) return Result.succeed(undefined)
  const [answer] = Object.values(database.prepare("pragma integrity_check(1)").get() ?? {})
  return answer === "ok" ? Result.succeed(undefined) : Result.fail(damaged(where, file))
}
