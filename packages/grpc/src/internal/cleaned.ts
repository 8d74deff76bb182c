/** Which part of a server's text may be shown. */

/** Longer texts are cut here. */
export const MAX_SHOWN = 200

/** The text without control, formatting and line-breaking characters, cut to `MAX_SHOWN` code points. */
export const cleaned = (text: string): string =>
  Array.from(text.slice(0, 4 * MAX_SHOWN).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ""))
    .slice(0, MAX_SHOWN)
    .join("")
