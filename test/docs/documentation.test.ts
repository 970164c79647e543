import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { below, root } from './pages.ts'
import { docstringSnippets, markdownSnippets } from './snippets.ts'
import { compilerComplaints, layOut, runSnippet } from './workshop.ts'

const read = (file: string): string => readFileSync(join(root, file), 'utf8')

const pages = ['README.md', ...below('docs', '.md'), ...below('packages', 'README.md'), ...below('examples', '.md')]
const sources = below('packages', '.ts').filter((file) => file.includes('/src/') && !/\.test(-\w+)?\.ts$/.test(file))
const marked = pages.map((file) => markdownSnippets(file, read(file)))
const snippets = [
  ...marked.flatMap((page) => page.snippets),
  ...sources.flatMap((file) => docstringSnippets(file, read(file))),
]
const laidOut = layOut(root, join(root, 'test/docs/.snippets'), snippets)
const running = laidOut.filter(({ snippet }) => snippet.kind === 'run')

// Examples may write to the folder they run in.
const folder = mkdtempSync(join(tmpdir(), 'rejoin-docs-'))
beforeAll(() => process.chdir(folder))
afterAll(() => {
  process.chdir(root)
  rmSync(folder, { recursive: true, force: true })
})

describe('the documentation', () => {
  test('has snippets in Markdown and in docstrings, and some of them say what comes out', () => {
    expect(snippets.some(({ file, kind }) => file.endsWith('.md') && kind === 'run')).toBe(true)
    expect(snippets.some(({ file, kind }) => file.endsWith('.ts') && kind === 'run')).toBe(true)
    expect(running.reduce((sum, { checks }) => sum + checks, 0)).toBeGreaterThan(0)
  })

  test('says of every TypeScript fence whether it runs or is only type-checked', () => {
    expect(marked.flatMap(({ unmarked }) => unmarked.map(({ file, line }) => `${file}:${line}`))).toEqual([])
  })

  test('compiles', () => {
    expect(compilerComplaints(root, laidOut)).toEqual([])
  })

  test.each(running.map((one) => [`${one.snippet.file}:${one.snippet.line}`, one] as const))('%s', async (_, one) => {
    expect(await runSnippet(one)).toBeGreaterThanOrEqual(one.checks)
  })
})
