/** Where a program of the system lies. */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"

export const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The folders in which the system looks for programs. */
export const folders = (): ReadonlyArray<string> => (process.env["PATH"] ?? "").split(delimiter)

/** The first on the path that has one of these names. */
export const findProgram = (...names: ReadonlyArray<string>): string | undefined =>
  folders()
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isExecutable)
