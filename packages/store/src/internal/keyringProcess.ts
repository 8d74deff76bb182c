/**
 * What a process of its own does with the keyring. As text, so that it is there wherever this package was bundled to.
 *
 * The library may stand still in any call, its constructor too, for as long as a service on the session bus does not
 * answer: nothing in the process runs then, no time limit either. Only from outside can it be ended.
 *
 * Told on standard input what to do, it answers on standard output: secrets are in no argument and no environment.
 */

/** `proposal`: what to keep where nothing is kept yet. */
export interface Request {
  readonly library: string
  readonly service: string
  readonly account: string
  readonly proposal: string
}

/**
 * Several processes may find nothing at once, and the last to write is the one whose key stays. The time of writing is kept
 * beside the key: what is younger than this is looked at again, when nobody can be about to write any more.
 */
const SETTLED_MILLIS = 1_000

export const keyringProcess = `
import { createRequire } from "node:module"
import { text } from "node:stream/consumers"

const answer = (said) => process.stdout.write(JSON.stringify(said), () => process.exit())
const { library, service, account, proposal } = JSON.parse(await text(process.stdin))
const load = () => {
  try {
    return createRequire(library)(library).AsyncEntry
  } catch {
    return undefined
  }
}
const keptWith = async (AsyncEntry) => {
  const entry = new AsyncEntry(service, account, { linux: { store: "secret-service" } })
  for (;;) {
    const asked = performance.now()
    const kept = await entry.getPassword()
    if (kept) {
      const [key, written] = kept.split(" ")
      const age = Date.now() - Number(written)
      // A time that is none, or to come: a clock was set, or somebody else put it there, and that was not just now.
      if (!(age >= 0 && age < ${SETTLED_MILLIS})) return key
      await new Promise((resolve) => setTimeout(resolve, ${SETTLED_MILLIS} - age))
    } else if (performance.now() - asked < ${SETTLED_MILLIS / 2}) {
      // Whoever was held up longer looks again: others may believe by now that theirs has stayed.
      await entry.setPassword(proposal + " " + Date.now())
    }
  }
}
try {
  const AsyncEntry = load()
  answer(AsyncEntry === undefined ? { failed: "library" } : { kept: await keptWith(AsyncEntry) })
} catch (cause) {
  answer({ failed: String(cause?.message) })
}
`
