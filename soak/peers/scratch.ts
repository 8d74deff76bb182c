/** A directory of one's own, gone afterwards, and when the program ends. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const inScratch = async <A>(use: (directory: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "latchkey-soak-"))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  process.once("exit", remove)
  try {
    return await use(directory)
  } finally {
    process.off("exit", remove)
    remove()
  }
}
