/**
 * How a file with secrets comes to be on disk: private from its first moment, whole at every moment, there after a
 * crash.
 *
 * Everything here is synchronous: a write is one step that no interruption can cut in two, a few milliseconds long.
 * Failures are those of `node:fs`; `explainFailure` translates them.
 */
import { randomUUID } from "node:crypto"
import {
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  type BigIntStats,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"

const PRIVATE_FILE = 0o600
const PRIVATE_DIRECTORY = 0o700

/** Makes the directory and the missing ones above it, each with 0700 from the start; leaves existing ones alone. */
export const makePrivateDirectory = (path: string): void => {
  try {
    makeDirectory(path)
  } catch (cause) {
    if (!isCode(cause, "ENOENT") || dirname(path) === path) throw cause
    makePrivateDirectory(dirname(path))
    makeDirectory(path)
  }
}

const makeDirectory = (path: string): void => {
  try {
    mkdirSync(path, PRIVATE_DIRECTORY)
    if (isRoot()) {
      const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
      try {
        giveAway(directory, dirname(path))
      } finally {
        closeSync(directory)
      }
    }
    syncDirectory(dirname(path))
  } catch (cause) {
    if (!isCode(cause, "EEXIST")) throw cause
  }
}

/** Makes an empty file with 0600; does nothing where there is one. */
export const makePrivateFile = (path: string): void => {
  try {
    const file = openSync(path, "wx", PRIVATE_FILE)
    try {
      giveAway(file, dirname(path))
    } finally {
      closeSync(file)
    }
    syncDirectory(dirname(path))
  } catch (cause) {
    if (!isCode(cause, "EEXIST")) throw cause
  }
}

const isRoot = () => process.getuid?.() === 0

/**
 * What root makes among the files of somebody else belongs to them: they could not use it otherwise. The open file, because
 * they may put another one in its place. Where root may not do that, it stays root's.
 */
const giveAway = (file: number, like: string): void => {
  const owner = isRoot() ? statSync(like, { throwIfNoEntry: false }) : undefined
  if (owner === undefined || owner.uid === 0) return
  try {
    fchownSync(file, owner.uid, owner.gid)
  } catch (cause) {
    if (!isCode(cause, "EPERM") && !isCode(cause, "EINVAL")) throw cause
  }
}

export interface Write {
  /** Not a link: see `followLinks`. */
  readonly path: string
  /** On the same file system, made if missing. Nobody else may write here without holding the store's mutex. */
  readonly temporary: string
  readonly bytes: Uint8Array
  /** The file's modification time, in seconds since 1970. Default: now. */
  readonly modified?: number
  /** Asked before the file is replaced: whether what the file system made of it will do. Default: it will. */
  readonly isGood?: (state: BigIntStats) => boolean
}

/** Replaces the file, or makes it. Tells its state on disk after that; none where that would not have been good. */
export const writePrivateFile = ({
  bytes,
  isGood,
  modified,
  path,
  temporary
}: Write): BigIntStats | undefined => {
  makePrivateDirectory(temporary)
  const aside = join(temporary, `${randomUUID()}${TEMPORARY_SUFFIX}`)
  const file = openSync(aside, "wx", PRIVATE_FILE)
  try {
    writeFileSync(file, bytes)
    if (modified !== undefined) futimesSync(file, modified, modified)
    if (isGood?.(fstatSync(file, { bigint: true })) === false) {
      rmSync(aside)
      return undefined
    }
    giveAway(file, existsSync(path) ? path : dirname(path))
    fsyncSync(file)
    renameSync(aside, path)
    syncDirectory(dirname(path))
    return fstatSync(file, { bigint: true })
  } catch (cause) {
    rmSync(aside, { force: true })
    throw cause
  } finally {
    closeSync(file)
  }
}

/** Tells what a crashed writer left. */
export const TEMPORARY_SUFFIX = ".tmp"

/** What is in a directory; nothing where there is none. */
export const namesIn = (directory: string): ReadonlyArray<string> => {
  try {
    return readdirSync(directory)
  } catch (cause) {
    if (isCode(cause, "ENOENT")) return []
    throw cause
  }
}

/** Makes additions, renames and removals in the directory last. Windows neither needs nor allows it. */
export const syncDirectory = (path: string): void => {
  if (process.platform === "win32") return
  const directory = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

export const isCode = (cause: unknown, code: string): boolean =>
  cause instanceof Error && "code" in cause && cause.code === code
