import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { root } from '../lib/steps.mjs'

// The real configuration in an empty tree, so that planted files are judged by where they would stand.
const tree = mkdtempSync(join(tmpdir(), 'rejoin-lint-'))
for (const path of ['biome.json', '.gitignore', 'scripts/lint'])
  cpSync(join(root, path), join(tree, path), { recursive: true })

afterAll(() => {
  rmSync(tree, { recursive: true, force: true })
})

/** What the linter says of an expression, were it in this file. */
function lint(file: string, expression: string): string {
  mkdirSync(dirname(join(tree, file)), { recursive: true })
  writeFileSync(join(tree, file), `export const planted: unknown = ${expression}\n`)
  const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/biome'), ['lint', file], {
    cwd: tree,
    encoding: 'utf8',
  })
  return stdout + stderr
}

test.each([
  ['Date.now()', 'take the clock as an argument'],
  ['new Date()', 'take the clock as an argument'],
  ['performance.now()', 'take the clock as an argument'],
  ['Math.random()', 'take the random source as an argument'],
])('%s is refused in the pure packages, with what to do instead', (expression, advice) => {
  for (const name of ['state', 'sync', 'sim']) {
    expect(lint(`packages/${name}/src/planted.ts`, expression)).toContain(advice)
  }
})

test('it is allowed where the world is met, and a date that was given is no clock', () => {
  expect(lint('packages/node/src/planted.ts', 'Date.now()')).toContain('Checked 1 file')
  expect(lint('packages/node/src/planted.ts', 'Date.now()')).not.toContain('argument')
  expect(lint('packages/state/src/planted.ts', 'new Date(5)')).not.toContain('argument')
})
