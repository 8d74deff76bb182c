/** Which part of a robot's text may be shown. */

/** Longer texts are cut here. */
export const MAX_SHOWN = 200

const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/**
 * The text without control, formatting and line-breaking characters, without any of the secrets (as they are, or as
 * JSON and text formats write them), cut to `MAX_SHOWN` code points. Secrets go first, so that a cut leaves no part
 * of one.
 */
export const shown = (text: string, secrets: ReadonlyArray<string>): string => {
  const forms = secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .flatMap((form) => [form, form.replace(INVISIBLE, "")])
    .filter((form) => form !== "")
    .toSorted((a, b) => b.length - a.length)
  const without = (from: string): string =>
    forms.reduce((rest, form) => rest.replaceAll(form, "<redacted>"), from)
  return Array.from(without(without(text).replace(INVISIBLE, "")))
    .slice(0, MAX_SHOWN)
    .join("")
}
