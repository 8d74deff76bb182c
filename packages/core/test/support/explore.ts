/** Every state that can be reached, breadth first, so that the first thing that goes wrong goes wrong in the fewest moves. */

export interface Move<W> {
  readonly what: string
  readonly next: W
}

export interface Rules<W> {
  readonly moves: (world: W) => ReadonlyArray<Move<W>>
  /** What is broken in this world, if anything is. */
  readonly broken: (world: W) => string | undefined
  /** Nothing is left to do. */
  readonly isOver: (world: W) => boolean
}

export interface Exploration {
  readonly worlds: number
  /** How it comes to pass, one move a line; none where nothing is ever broken. */
  readonly counterExample: string | undefined
}

interface Seen {
  readonly before: number
  readonly what: string
}

/** Also broken: a world from which no way leads to an end. */
export const explore = <W>(start: W, rules: Rules<W>): Exploration => {
  const numbers = new Map<string, number>()
  const seen: Array<Seen> = []
  const queue: Array<W> = []
  const ways: Array<[from: number, to: number]> = []
  const ends: Array<number> = []

  const trace = (last: number, verdict: string): string => {
    const lines: Array<string> = []
    for (let n = last; n > 0; n = seen[n]?.before ?? 0) lines.unshift(seen[n]?.what ?? "")
    return [...lines.map((line, n) => `${String(n + 1).padStart(3)}. ${line}`), `     ${verdict}`].join("\n")
  }
  const number = (world: W, before: number, what: string): number => {
    const name = JSON.stringify(world)
    const known = numbers.get(name)
    if (known !== undefined) return known
    const fresh = seen.length
    numbers.set(name, fresh)
    seen.push({ before, what })
    queue.push(world)
    return fresh
  }

  number(start, 0, "")
  for (let at = 0; at < queue.length; at++) {
    const world = queue[at]
    if (world === undefined) break
    const broken = rules.broken(world)
    if (broken !== undefined) return { worlds: seen.length, counterExample: trace(at, broken) }
    if (rules.isOver(world)) ends.push(at)
    else for (const { next, what } of rules.moves(world)) ways.push([at, number(next, at, what)])
  }

  const stuck = firstWithoutEnd(seen.length, ways, ends)
  return {
    worlds: seen.length,
    counterExample: stuck === undefined ? undefined : trace(stuck, "from here it never comes to an end")
  }
}

const firstWithoutEnd = (
  count: number,
  ways: ReadonlyArray<readonly [from: number, to: number]>,
  ends: ReadonlyArray<number>
): number | undefined => {
  const into = new Map<number, Array<number>>()
  for (const [from, to] of ways) {
    const from_ = into.get(to)
    if (from_ === undefined) into.set(to, [from])
    else from_.push(from)
  }
  const good = new Uint8Array(count)
  const rest = [...ends]
  for (const end of ends) good[end] = 1
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    for (const from of into.get(next) ?? []) {
      if (good[from] === 1) continue
      good[from] = 1
      rest.push(from)
    }
  }
  const stuck = good.indexOf(0)
  return stuck === -1 ? undefined : stuck
}
