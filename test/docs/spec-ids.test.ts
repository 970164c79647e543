import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { below, root } from './pages.ts'

const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')

/** Where a rule is set: `**ST4**` or `**[SM4]**`. */
const ruleSet = /\*\*\[?([A-Z]{2}\d+)\]?\*\*/g
/** The name of a test or of a group of tests that run, also in the suites that adapters are held to. */
const testName =
  /\b(?:it|test|describe|scenario)(?:\.each\((?:[^()]|\([^()]*\))*\)|\.(?!skip|todo|each)\w+)?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g
/** What the compiler is asked to prove has no name but a comment. */
const typeTest = /^\s*\/\/ (\[.*)$/gm
const ruleNamed = /\[([A-Z]{2}\d+)\]/g

function rulesOf(files: readonly string[], idsIn: (text: string, file: string) => string[]): Map<string, string[]> {
  const places = new Map<string, string[]>()
  for (const file of files) {
    for (const id of idsIn(textOf(file), file)) places.set(id, [...(places.get(id) ?? []), file])
  }
  return places
}

const idsBy =
  (pattern: RegExp) =>
  (text: string): string[] =>
    [...text.matchAll(pattern)].map((match) => match[1] as string)

const namesOf = (text: string, file: string): string =>
  [...text.matchAll(file.endsWith('-d.ts') ? typeTest : testName)].map((match) => match.at(-1)).join('\n')

const isOneOfTests = (file: string): boolean => /\.test(-d)?\.tsx?$|\/contracts\//.test(file)

const specs = below('packages', 'SPEC.md')
const tests = [...below('packages', '.ts'), ...below('test', '.ts'), ...below('apps', '.ts'), ...below('apps', '.tsx')]
const set = rulesOf(specs, idsBy(ruleSet))
const named = rulesOf(tests.filter(isOneOfTests), (text, file) => idsBy(ruleNamed)(namesOf(text, file)))

describe('the numbered rules', () => {
  it('are found, with the tests that name them', () => {
    expect(specs.length).toBeGreaterThanOrEqual(4)
    expect(set.size).toBeGreaterThan(150)
    expect(named.size).toBeGreaterThan(150)
  })

  it('are set once each, over all packages', () => {
    expect([...set].filter(([, places]) => places.length > 1)).toEqual([])
  })

  it('are each named by a test', () => {
    expect([...set].filter(([id]) => !named.has(id))).toEqual([])
  })

  it('are all that tests name', () => {
    expect([...named].filter(([id]) => !set.has(id))).toEqual([])
  })
})
