/** A row of the table. */
export interface Line {
  readonly what: string
  readonly count: number
  /** Measured, and promised to nobody here. */
  readonly figures?: Readonly<Record<string, string>>
  /** What must be none. */
  readonly broken: Readonly<Record<string, number>>
}
