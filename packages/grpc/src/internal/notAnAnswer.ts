/** The failure for what came back but is no answer. */
import { InvalidResponse } from "@latchkey/core/AuthError"
import type { Where } from "./outcome.ts"

export const notAnAnswer = (where: Where, what: string, code?: number) =>
  new InvalidResponse({
    ...where,
    message: what,
    ...(code === undefined ? undefined : { code })
  })
