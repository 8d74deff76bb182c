import {
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"

const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis))

const read = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

/** How long a lock may say nothing that can be understood: its owner writes it before it is in place. */
const PATIENCE_MILLIS = 5_000
/** How long a lock counts where its owner's start is unknown, so that another process may have its number by now. */
const LONGEST_INSTALL_MILLIS = 15 * 60_000

const ageOf = (path) => {
  try {
    return Date.now() - statSync(path).mtimeMs
  } catch {
    return 0 // released in this moment
  }
}

/** When a process started, in ticks since boot, by which a number that was given again is told; "" where /proc is not. */
const startOf = (pid) => {
  const stat = read(`/proc/${pid}/stat`)
  return stat === undefined ? "" : stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
}

const isRunning = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === "EPERM"
  }
}

/** `pid start`, as written by `exclusively`. */
const isHeld = (lock, text) => {
  const [, pid, start] = /^([1-9]\d*) (\d*)$/.exec(text) || []
  if (pid === undefined) return ageOf(lock) < PATIENCE_MILLIS
  if (!isRunning(Number(pid))) return false
  const now = startOf(pid)
  return start && now ? start === now : ageOf(lock) < LONGEST_INSTALL_MILLIS
}

/** Puts the whole text in place or fails with EEXIST. Some file systems have no links: there, a copy has to do. */
const place = (lock, text) => {
  const draft = `${lock}.${process.pid}`
  try {
    writeFileSync(draft, text)
    linkSync(draft, lock)
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes(error.code) || !existsSync(draft)) throw error
    copyFileSync(draft, lock, constants.COPYFILE_EXCL)
  } finally {
    rmSync(draft, { force: true })
  }
}

const take = async (lock) => {
  const mine = `${process.pid} ${startOf(process.pid)}`
  let said = false
  for (;;) {
    try {
      place(lock, mine)
      await pause(100) // two may have removed the same dead lock: whoever came last has it
      if (read(lock) === mine) return
    } catch (error) {
      if (error.code !== "EEXIST") throw error
    }
    const text = read(lock)
    if (text === undefined) continue // released in this moment
    if (!isHeld(lock, text)) {
      rmSync(lock, { force: true })
      continue
    }
    if (!said) {
      const [owner] = /^\d+/.exec(text) || []
      const who = owner ? ` (process ${owner})` : ""
      console.error(`latchkey: waiting for another install in this folder${who}; its lock is ${lock}`)
    }
    said = true
    await pause(250)
  }
}

/** Runs one install at a time in `folder`, across processes; the lock of a process that has died is taken over. */
export const exclusively = async (folder, work) => {
  const lock = join(folder, ".install-lock")
  try {
    mkdirSync(folder, { recursive: true })
    await take(lock)
  } catch (error) {
    // ENOENT is what Node 20 makes of a directory that cannot be made on a read-only file system.
    if (!["EACCES", "ENOENT", "EPERM", "EROFS"].includes(error.code)) throw error
    console.error(
      `latchkey: cannot write to ${folder} (${error.code}), where dependencies are installed: use a copy that you can write to`
    )
    process.exit(1)
  }
  const release = () => rmSync(lock, { force: true })
  process.once("exit", release)
  try {
    return await work()
  } finally {
    release()
    process.off("exit", release)
  }
}
