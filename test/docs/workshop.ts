import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ExportedName, missingImport, withChecks } from './prepare.ts'
import { countChecks } from './runtime.ts'
import type { Snippet } from './snippets.ts'
import { exportedNames, typeErrors } from './type-check.ts'

/** A snippet, laid out as files that the compiler and the test runner can read. */
export interface LaidOut {
  readonly snippet: Snippet
  /** The code as it stands in the documentation. */
  readonly source: string
  /** The code with its expectations turned into checks. */
  readonly runnable: string
  readonly checks: number
}

/** Writes snippets to `folder` (inside `root`, so that packages resolve as in any test), replacing what was there. */
export function layOut(root: string, folder: string, snippets: readonly Snippet[]): LaidOut[] {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const entryOf = (home: string): string => join(root, `packages/${home}/src/index.ts`)
  const homes = new Set(snippets.flatMap(({ home }) => home ?? []))
  const names = homes.size === 0 ? new Map<string, ExportedName[]>() : exportedNames(root, [...homes].map(entryOf))
  return snippets.map((snippet, index) => {
    const { home, code } = snippet
    // Imports go in front of the first line, so that line numbers stay what they are in the documentation.
    const imports =
      home === undefined
        ? ''
        : missingImport(code, names.get(entryOf(home)) ?? [], home === 'rejoin' ? home : `@rejoin/${home}`)
    const checked = withChecks(code)
    const source = join(folder, `${index}.source.ts`)
    const runnable = join(folder, `${index}.run.ts`)
    writeFileSync(source, `${imports}${code}\nexport {}\n`)
    writeFileSync(
      runnable,
      `import { checkDocumented as __check } from '../runtime.ts'; ${imports}${checked.code}\nexport {}\n`,
    )
    return { snippet, source, runnable, checks: checked.checks }
  })
}

/** What the compiler has against the snippets, each with the place in the documentation. */
export function compilerComplaints(root: string, laidOut: readonly LaidOut[]): string[] {
  const byFile = new Map(laidOut.map((one) => [one.source, one]))
  return typeErrors(
    root,
    laidOut.map(({ source }) => source),
  ).map(({ file, line, message }) => {
    const place = byFile.get(join(root, file))?.snippet
    return place === undefined ? message : `${place.file}:${place.line + line} ${message}`
  })
}

/**
 * Runs a snippet and returns how many of its expectations were compared.
 * @throws what the snippet throws, or the first expectation that does not hold, with its place
 */
export async function runSnippet({ snippet, runnable }: LaidOut): Promise<number> {
  const compared = countChecks((line) => `${snippet.file}:${snippet.line + line}`)
  await import(/* @vite-ignore */ runnable)
  return compared()
}
