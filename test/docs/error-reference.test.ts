import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorCodes } from '../../packages/state/src/error-codes.ts'
import { renderErrorReference } from '../../scripts/lib/error-reference.mjs'

test('the page of error codes says what the table says (npm run reference:errors writes it)', () => {
  const page = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8')
  expect(page).toBe(renderErrorReference(errorCodes))
})

const textOf = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('every code with which a link ends has an entry', () => {
  const [, table = ''] = textOf('packages/server/SPEC.md').split('## How a link ends')
  const rows = (table.split('## Several servers')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'))
  const named = rows.flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([a-z-]+)`/g)].map(([, code]) => code))
  // What a platform closes with.
  const [, words = ''] = /codeByNumber[^{]*\{([^}]*)\}/.exec(textOf('packages/sync/src/web-socket-link.ts')) ?? []
  const platform = [...words.matchAll(/'([a-z-]+)'/g)].map(([, code]) => code)
  expect([rows.length > 15, platform.length > 8]).toEqual([true, true])
  expect([...new Set([...named, ...platform])].filter((code) => !Object.hasOwn(errorCodes, code ?? ''))).toEqual([])
})
