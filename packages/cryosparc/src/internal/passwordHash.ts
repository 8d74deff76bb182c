/** What stands for a password on the wire: the server takes no clear text (contract, section 7). As secret as itself. */
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"

export const passwordHash = (password: Redacted.Redacted<string>): Redacted.Redacted<string> =>
  Redacted.make(createHash("sha256").update(Redacted.value(password), "utf8").digest("hex"))
