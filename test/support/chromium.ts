/** Which browser the tests walk through pages with: the first Chromium that is installed, or the one that `CHROMIUM` names. */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export const findChromium = (): string | undefined => {
  const { CHROMIUM, PATH = "" } = process.env
  if (CHROMIUM) return CHROMIUM
  return PATH.split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find(isExecutable)
}
