/** What is handed to many: whoever changes it would change it for all of them. */

/** The same value, which cannot be changed any more at any depth. For what came out of JSON: there is no circle. */
export const frozen = <A>(value: A): A => {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) frozen(inner)
    Object.freeze(value)
  }
  return value
}
