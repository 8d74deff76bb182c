/** What failures and sessions call the game. */

export interface Where {
  readonly provider: "resonite"
  readonly instance: string
}

/** What a socket is called in a directory; the middle is the process id of the engine. */
export const PATTERN = "resonite-*.sock"

/** An empty socket counts as not given. */
export const where = (socket: string | undefined): Where => ({
  provider: "resonite",
  instance: socket === undefined || socket === "" ? PATTERN : socket
})
