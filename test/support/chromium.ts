/** Which browser the tests walk through pages with: the first Chromium that is installed, or the one that `CHROMIUM` names. */
import { findProgram } from "./programs.ts"

export const findChromium = (): string | undefined =>
  process.env["CHROMIUM"] ??
  findProgram("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
