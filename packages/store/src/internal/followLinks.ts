/** Where a path leads. */
import { readlinkSync, realpathSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { isCode } from "./writePrivateFile.ts"

/** The most links that are followed from one path to a file. As many as Linux does. */
const MAX_LINKS = 40

/**
 * The path that a write must go to so that links stay links, those of its directories followed too; it need not exist.
 */
export const followLinks = (path: string): string => {
  let target = resolve(path)
  for (let links = 0; links < MAX_LINKS; links++) {
    target = join(whereIs(dirname(target)), basename(target))
    try {
      target = resolve(dirname(target), readlinkSync(target))
    } catch (cause) {
      // EINVAL: not a link. UNKNOWN: the same on Windows.
      if (isCode(cause, "EINVAL") || isCode(cause, "ENOENT") || isCode(cause, "UNKNOWN")) return target
      throw cause
    }
  }
  return target
}

/** What of it is not there yet stays as it is written. */
const whereIs = (directory: string): string => {
  try {
    return realpathSync(directory)
  } catch (cause) {
    if (!isCode(cause, "ENOENT") || dirname(directory) === directory) throw cause
    return join(whereIs(dirname(directory)), basename(directory))
  }
}
