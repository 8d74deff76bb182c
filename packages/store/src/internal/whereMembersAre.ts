/** Where the members of an object are in its text, in the order of the text: what `JSON.parse` does not tell. */

export interface Member {
  readonly name: string
  /** Of the value: its first character, and the one after its last. */
  readonly from: number
  readonly to: number
}

/** Of the first object from `start` on, in a text that is known to be JSON. A name may come twice. */
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

const endOfString = (text: string, from: number): number => {
  let at = from + 1
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1
  return at + 1
}

const endOfValue = (text: string, from: number): number => {
  let at = from
  let depth = 0
  do {
    const character = text[at] ?? ""
    if (character === '"') at = endOfString(text, at)
    else if ("{[".includes(character)) {
      depth++
      at++
    } else if ("}]".includes(character)) {
      depth--
      at++
    } else at++
  } while (depth > 0 || isScalar(text, from, at))
  return at
}

/** A number or a word goes on until something else begins. */
const isScalar = (text: string, from: number, at: number): boolean =>
  /[-\dtfn]/.test(text[from] ?? "") && /[^\s,}\]]/.test(text[at] ?? " ")
