import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorCodes } from '../../packages/state/src/error-codes.ts'
import { renderErrorReference } from '../../scripts/lib/error-reference.mjs'

test('the page of error codes says what the table says (npm run reference:errors writes it)', () => {
  const page = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8')
  expect(page).toBe(renderErrorReference(errorCodes))
})
