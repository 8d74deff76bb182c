// A browser for the test that walks through the web application: finds one, or installs Debian's where that can be done. Where it
// cannot, it says so and the test is skipped: nobody's checks fail for want of a browser.
import { findChromium } from "../test/support/chromium.ts"
import { run } from "./workspace.mjs"

const install = async () => {
  if (process.getuid?.() !== 0) return "not root"
  const environment = { env: { DEBIAN_FRONTEND: "noninteractive" } }
  for (const argv of [["update"], ["install", "--yes", "--no-install-recommends", "chromium"]]) {
    const { ok } = await run("apt-get", ["-qq", ...argv], environment)
    if (!ok) return `apt-get ${argv[0]} failed`
  }
  return undefined
}

const why = findChromium() === undefined ? await install() : undefined
const found = findChromium()
console.log(found ?? `no browser (${why}): the walk through the web application will be skipped`)
