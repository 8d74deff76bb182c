/** A wait on the wall clock. Where that is set back, the wait begins anew: it may get longer, never shorter. */
export class Wait {
  #from: number
  readonly #millis: number

  constructor(now: number, millis: number) {
    this.#from = now
    this.#millis = millis
  }

  /** Milliseconds that are left of it; 0 when it is over. */
  left(now: number): number {
    if (now < this.#from) this.#from = now
    return Math.max(0, this.#from + this.#millis - now)
  }
}
