/**
 * Candidates against the limit of their row, measured in turns in the same run: on a shared machine only ratios mean
 * anything, and only those taken within one round.
 */

export interface Candidate {
  readonly name: string
  /** The largest ratio to the limit that we accept of ourselves. Peers have none. */
  readonly target?: number
  /** One measurement: nanoseconds per operation. */
  readonly measure: () => Promise<number>
}

export interface Row {
  readonly name: string
  /** The least that the work can cost; what it is, in words. */
  readonly limit: Candidate
  readonly candidates: ReadonlyArray<Candidate>
  readonly close?: () => Promise<void>
}

export interface Result {
  readonly name: string
  readonly nanos: number
  readonly ratio: number
  readonly target: number | undefined
}

const ROUNDS = 9

/** What is compiled only while it runs must have run for a while. */
const WARM_UP = 3

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

export const measure = async (row: Row): Promise<ReadonlyArray<Result>> => {
  const all = [row.limit, ...row.candidates]
  const rounds: Array<ReadonlyArray<number>> = []
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const times = new Map<Candidate, number>()
    const order = round % 2 === 0 ? all : all.toReversed()
    for (const candidate of order) {
      times.set(candidate, await candidate.measure())
    }
    if (round >= WARM_UP) rounds.push(all.map((candidate) => times.get(candidate) ?? Number.NaN))
  }
  return all.map((candidate, index) => ({
    name: candidate.name,
    target: candidate.target,
    nanos: median(rounds.map((times) => times[index] ?? Number.NaN)),
    ratio: median(rounds.map((times) => (times[index] ?? Number.NaN) / (times[0] ?? Number.NaN)))
  }))
}

/** Nanoseconds per operation of something that does `operations` of them. */
export const timed = async (operations: number, work: () => Promise<unknown>): Promise<number> => {
  const start = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - start) / operations
}
