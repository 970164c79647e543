import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './pages.ts'
import { missingImport, withChecks } from './prepare.ts'
import { checkDocumented } from './runtime.ts'
import { docstringSnippets, markdownSnippets, type Snippet } from './snippets.ts'
import { compilerComplaints, layOut, runSnippet } from './workshop.ts'

describe('finding snippets', () => {
  test('takes marked fences with their place and reports TypeScript fences without a mark', () => {
    const text =
      'Title\n\n```ts run\nlet a = 1\n```\n\n```sh\nls\n```\n\n```ts\nlet b\n```\n\n```ts check\nlet c\n```\n'
    expect(markdownSnippets('x.md', text)).toEqual({
      snippets: [
        { file: 'x.md', line: 4, code: 'let a = 1\n', kind: 'run' },
        { file: 'x.md', line: 16, code: 'let c\n', kind: 'check' },
      ],
      unmarked: [{ file: 'x.md', line: 12 }],
    })
  })

  test('goes on with the snippet before, line numbers kept', () => {
    const text = '```ts run\nlet a = 1\n```\n\nAnd then\n\n```ts continue\na += 1\n```\n'
    expect(markdownSnippets('x.md', text).snippets).toEqual([
      { file: 'x.md', line: 2, code: `let a = 1\n${'\n'.repeat(5)}a += 1\n`, kind: 'run' },
    ])
    expect(markdownSnippets('x.md', '```ts continue\na += 1\n```\n').unmarked).toHaveLength(1)
  })

  test('takes the examples of docstrings, fenced or not, and ends them at the next tag', () => {
    const text = [
      'const x = 1',
      '/**',
      ' * Adds.',
      ' * @example',
      ' * ```ts',
      ' * add(1, 2) // => 3',
      ' * ```',
      ' * @throws never',
      ' */',
      '/**',
      ' * @example',
      ' * // check: needs a page',
      ' * open()',
      ' */',
    ].join('\n')
    expect(docstringSnippets('packages/state/src/x.ts', text)).toEqual([
      { file: 'packages/state/src/x.ts', line: 6, code: 'add(1, 2) // => 3\n', kind: 'run', home: 'state' },
      expect.objectContaining({ line: 12, code: '// check: needs a page\nopen()\n', kind: 'check' }),
    ])
  })
})

describe('expectations', () => {
  test('stand behind expressions, logs and declarations', () => {
    expect(
      withChecks('1 + 1 // => 2\nconsole.log(x) // => [1]\nconst y = f() // => as printed\nz() // a remark\n'),
    ).toEqual({
      code: [
        '__check(0, (1 + 1), "2", () => (2)); // => 2',
        '__check(1, (x), "[1]", () => ([1])); // => [1]',
        'const y = f(); __check(2, y, "as printed"); // => as printed',
        'z() // a remark\n',
      ].join('\n'),
      checks: 3,
    })
  })

  test('are compared as values or as printed', () => {
    checkDocumented(0, 'fight', "'fight'", () => 'fight')
    checkDocumented(0, 'fight', 'fight')
    checkDocumented(0, Object.assign(Object.create(null), { a: [1] }), '{ a: [1] }', () => ({ a: [1] }))
    expect(() => checkDocumented(0, { a: 1 }, '{ a: 2 }', () => ({ a: 2 }))).toThrow('says { a: 2 }')
    expect(() => checkDocumented(0, undefined, 'null', () => null)).toThrow('but the value is undefined')
  })

  test('names of the package at home are imported when used and not declared', () => {
    const exported = [
      { name: 'merge', isType: false },
      { name: 'Version', isType: true },
      { name: 'unused', isType: false },
    ]
    expect(missingImport('const v: Version = merge()', exported, '@rejoin/state')).toBe(
      "import { merge, type Version } from '@rejoin/state'; ",
    )
    expect(missingImport('const merge = 1; merge', exported, '@rejoin/state')).toBe('')
  })
})

describe('planted snippets', () => {
  const planted = (code: string): Snippet => ({ file: 'planted.md', line: 10, code, kind: 'run' })
  const laidOut = layOut(root, join(root, 'test/docs/.planted'), [
    planted('const a: number = 1\na + 1 // => 2\n'),
    planted('const a = 1\na + 1 // => 3\n'),
    planted("throw new Error('broken')\n"),
    planted("\nconst a: number = 'text'\n"),
  ])

  test('a right one runs and its expectation is compared', async () => {
    expect(await runSnippet(laidOut[0]!)).toBe(1)
  })

  test('a wrong expectation is reported with its place', async () => {
    await expect(runSnippet(laidOut[1]!)).rejects.toThrow('planted.md:11 says 3, but the value is 2')
  })

  test('one that throws is reported', async () => {
    await expect(runSnippet(laidOut[2]!)).rejects.toThrow('broken')
  })

  test('a type error is reported with its place, and only that one', () => {
    expect(compilerComplaints(root, laidOut)).toEqual([
      "planted.md:11 Type 'string' is not assignable to type 'number'.",
    ])
  })
})
