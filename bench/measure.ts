/**
 * Candidates against the limit of their row, measured in turns in the same run: on a shared machine only ratios mean
 * anything, and only those taken within one round.
 */

export interface Candidate {
  readonly name: string
  /** The largest ratio to the limit that we accept of ourselves. Peers have none. */
  readonly target?: number
  /** One measurement: nanoseconds per operation, or what else the row counts. */
  readonly measure: () => Promise<number>
}

export interface Row {
  readonly name: string
  /** The least that the work can cost; what it is, in words. */
  readonly limit: Candidate
  readonly candidates: ReadonlyArray<Candidate>
  /** What is measured. Default: time. Bytes do not depend on what else the machine does: few rounds tell. */
  readonly unit?: "time" | "bytes"
  readonly close?: () => Promise<void>
}

export interface Result {
  readonly name: string
  /** In nanoseconds or bytes. */
  readonly amount: number
  readonly ratio: number
  readonly target: number | undefined
}

/** What is compiled only while it runs must have run for a while. */
const ROUNDS = { time: { warmUp: 3, counted: 9 }, bytes: { warmUp: 0, counted: 3 } } as const

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

export const measure = async (row: Row): Promise<ReadonlyArray<Result>> => {
  const { counted, warmUp } = ROUNDS[row.unit ?? "time"]
  const all = [row.limit, ...row.candidates]
  const rounds: Array<ReadonlyArray<number>> = []
  for (let round = 0; round < warmUp + counted; round++) {
    const times = new Map<Candidate, number>()
    const order = round % 2 === 0 ? all : all.toReversed()
    for (const candidate of order) {
      times.set(candidate, await candidate.measure())
    }
    if (round >= warmUp) rounds.push(all.map((candidate) => times.get(candidate) ?? Number.NaN))
  }
  return all.map((candidate, index) => ({
    name: candidate.name,
    target: candidate.target,
    amount: median(rounds.map((times) => times[index] ?? Number.NaN)),
    ratio: median(rounds.map((times) => (times[index] ?? Number.NaN) / (times[0] ?? Number.NaN)))
  }))
}

/** Nanoseconds per operation of something that does `operations` of them. */
export const timed = async (operations: number, work: () => Promise<unknown>): Promise<number> => {
  const start = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - start) / operations
}

/** Nanoseconds per operation, of which so many are under way at any time. */
export const timedInFlight = (
  operations: number,
  count: number,
  work: () => Promise<unknown>
): Promise<number> =>
  timed(operations, async () => {
    let left = operations
    const worker = async () => {
      while (left-- > 0) await work()
    }
    await Promise.all(Array.from({ length: count }, worker))
  })
