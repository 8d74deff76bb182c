/** Where token files are written before they take their place, and what crashed writers left there. */
import { rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { keyOf } from "./whichTokenFile.ts"
import { followLinks } from "./followLinks.ts"
import { namesIn, TEMPORARY_SUFFIX } from "./writePrivateFile.ts"

/** Ours, in any directory that holds token files. */
export const ASIDE = ".latchkey"

/** Beside the file itself, also where a link leads to it: renaming works within one file system only. */
export const asideOf = (target: string): string => join(dirname(target), ASIDE)

/** Call it while holding the mutex: what is there then is nobody's. */
export const clearUnfinished = (directory: string): void => {
  clear(join(directory, ASIDE))
  for (const name of namesIn(directory)) {
    if (keyOf(name)._tag === "None") continue
    try {
      clear(asideOf(followLinks(join(directory, name))))
    } catch {
      // A link to where we may not go must not keep us from the other tokens.
    }
  }
}

/** The same in one such place. */
export const clear = (aside: string): void => {
  for (const name of namesIn(aside)) {
    if (name.endsWith(TEMPORARY_SUFFIX)) rmSync(join(aside, name), { force: true })
  }
}
