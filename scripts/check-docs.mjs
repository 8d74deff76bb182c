// What the documents show is true: a fenced ts block under `<!-- examples/NAME.ts -->` (or `NAME.ts#region`) is that
// file, letter for letter, and every relative link leads to a file that exists.
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { files, root } from "./workspace.mjs"

const problems = []

const dedent = (lines) => {
  const margin = Math.min(...lines.filter((line) => line.trim()).map((line) => line.search(/\S/)))
  return lines.map((line) => line.slice(margin)).join("\n")
}

const isMark = (line) => /^\s*\/\/ #(end)?region\b/.test(line)

/** The file without region marks, or the one region. `undefined` if there is no such thing. */
const example = (path, region) => {
  if (!existsSync(join(root, path))) return undefined
  const lines = readFileSync(join(root, path), "utf8").trimEnd().split("\n")
  if (!region) return lines.filter((line) => !isMark(line)).join("\n")
  const start = lines.findIndex((line) => line.trim() === `// #region ${region}`)
  const end = lines.findIndex((line) => line.trim() === `// #endregion ${region}`)
  const inside = end > start ? lines.slice(start + 1, end) : []
  return start < 0 || inside.length === 0 ? undefined : dedent(inside.filter((line) => !isMark(line)))
}

const lineOf = (text, index) => text.slice(0, index).split("\n").length

for (const file of files("**/*.md")) {
  const text = readFileSync(join(root, file), "utf8")
  const isReadme = /^(packages\/[^/]+\/)?README\.md$/.test(file)

  for (const match of text.matchAll(
    /^(?:<!-- (examples\/[^\s#]+\.ts)(?:#(\S+))? -->\s*\n)?```ts\b[^\n]*\n([\s\S]*?)\n?^```/gm
  )) {
    const [, path, region, code] = match
    const where = `${file}:${lineOf(text, match.index)}`
    const wanted = path && example(path, region)
    if (!path) {
      if (isReadme)
        problems.push(
          `${where}: this ts block names no example that is run: put <!-- examples/NAME.ts --> above it`
        )
    } else if (wanted === undefined)
      problems.push(`${where}: there is no ${path}${region ? `#${region}` : ""}`)
    else if (wanted !== code) problems.push(`${where}: differs from ${path}${region ? `#${region}` : ""}`)
  }

  const prose = text.replaceAll(/^```[\s\S]*?^```|`[^`\n]*`/gm, (code) => code.replaceAll(/[^\n]/g, " "))
  for (const match of prose.matchAll(/\]\((?:<([^>]+)>|([^)\s]+))[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm)) {
    const link = match[1] ?? match[2] ?? match[3]
    const path = decodeURI(link.split("#")[0])
    if (!path || /^[a-z][a-z+.-]*:/i.test(link)) continue
    const target = path.startsWith("/") ? join(root, path) : join(root, dirname(file), path)
    if (!existsSync(target)) problems.push(`${file}:${lineOf(text, match.index)}: ${link} leads nowhere`)
  }
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
