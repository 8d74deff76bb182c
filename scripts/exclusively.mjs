import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis))

const read = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === "EPERM"
  }
}

/** Runs one install at a time in `folder`, across processes; the lock of a process that has died is taken over. */
export const exclusively = async (folder, work) => {
  const lock = join(folder, ".install-lock")
  const mine = String(process.pid)
  mkdirSync(folder, { recursive: true })
  let said = false
  for (;;) {
    try {
      writeFileSync(lock, mine, { flag: "wx" })
      await pause(100) // two may have removed the same dead lock: whoever wrote last has it
      if (read(lock) === mine) break
    } catch (error) {
      if (error.code !== "EEXIST") throw error
    }
    const owner = Number(read(lock))
    if (owner && !isAlive(owner)) rmSync(lock, { force: true })
    else {
      if (!said) console.error(`latchkey: waiting for another install in this folder (process ${owner})`)
      said = true
      await pause(250)
    }
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
