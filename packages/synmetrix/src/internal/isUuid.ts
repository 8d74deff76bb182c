/** Whether the server can look a refresh token up: what is no UUID makes it fail without a word (contract, 5.3). */
import * as Redacted from "effect/Redacted"

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i

export const isUuid = (token: Redacted.Redacted<string>): boolean => UUID.test(Redacted.value(token))
