/** The n-th token: its number, and a filling that is not the same for two numbers in a row, so that a mixture of them shows. */
export const tokenOf = (n: number): string => `${n}-${"ab"[n % 2]?.repeat(3_000 + (n % 2) * 9_000)}`

/** The number of a token that is whole. */
export const numberOf = (token: string): number | undefined => {
  const n = Number.parseInt(token, 10)
  return token === tokenOf(n) ? n : undefined
}
