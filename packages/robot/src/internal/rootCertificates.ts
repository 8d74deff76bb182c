/** Which roots a pattern of file names stands for. */
import { InvalidRequest } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"

/** Says which of the files is the wrong one. Whether a certificate can be read is found out when it is used. */
const holdsCertificate = (text: string): boolean => text.includes("-----BEGIN CERTIFICATE-----")

const invalid = (message: string): InvalidRequest =>
  new InvalidRequest({
    provider: "robot",
    instance: "robot",
    message,
    field: "rootCertificates"
  })

export const read = Effect.fnUntraced(function* (
  pattern: string
): Effect.fn.Return<string, InvalidRequest, FileSystem.FileSystem> {
  const files = yield* FileSystem.FileSystem
  const paths = yield* Effect.mapError(files.glob(pattern), () =>
    invalid(`the folder of ${pattern} cannot be read; give a pattern of certificate files in PEM form`)
  )
  if (paths.length === 0) {
    return yield* invalid(
      `no file matches ${pattern}; give the file with the root certificate of your robot, in PEM form`
    )
  }
  const texts = yield* Effect.forEach(paths, (path) =>
    files.readFileString(path).pipe(
      Effect.mapError(() => invalid(`${path} cannot be read`)),
      Effect.filterOrFail(holdsCertificate, () => invalid(`${path} holds no certificate in PEM form`))
    )
  )
  return texts.map((text) => (text.endsWith("\n") ? text : `${text}\n`)).join("")
})
