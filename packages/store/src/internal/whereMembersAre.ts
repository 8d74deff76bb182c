/** Where the members of an object are in its text, in the order of the text: what `JSON.parse` does not tell. */

export interface Member {
  readonly name: string
  /** Of the value: its first character, and the one after its last. */
  readonly from: number
  readonly to: number
}

/** Of the object that begins at `start`, or after blanks there, in a text that is known to be JSON. A name may come twice. */
export function* membersIn(text: string, start: number): Iterable<Member> {
  let at = text.indexOf("{", start) + 1
  while (true) {
    while (isBetween(text[at])) at++
    if (text[at] !== '"') return
    const end = endOfString(text, at)
    const name = String(JSON.parse(text.slice(at, end)))
    let from = text.indexOf(":", end) + 1
    while (isBetween(text[from])) from++
    at = endOfValue(text, from)
    yield { name, from, to: at }
  }
}

const isBetween = (character: string | undefined): boolean =>
  character !== undefined && " \t\n\r,".includes(character)

/** A quote after an even number of backslashes ends it. */
const endOfString = (text: string, from: number): number => {
  let at = from
  let isEscaped = true
  while (isEscaped && at !== -1) {
    at = text.indexOf('"', at + 1)
    let before = at
    while (text[before - 1] === "\\") before--
    isEscaped = (at - before) % 2 === 1
  }
  return at === -1 ? text.length : at + 1
}

const endOfValue = (text: string, from: number): number => {
  if (!'{["'.includes(text[from] ?? "")) return next(/[\s,}\]]/g, text, from)
  let at = from
  let depth = 0
  do {
    at = next(/["{}[\]]/g, text, at)
    const character = text[at] ?? ""
    if (character === '"') at = endOfString(text, at)
    else {
      depth += "{[".includes(character) ? 1 : -1
      at++
    }
  } while (depth > 0)
  return at
}

const next = (pattern: RegExp, text: string, from: number): number => {
  pattern.lastIndex = from
  return pattern.exec(text)?.index ?? text.length
}
