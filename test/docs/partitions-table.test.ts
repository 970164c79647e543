import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { below, root } from './pages.ts'

const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')
const rules = new Set(
  below('packages', 'SPEC.md').flatMap((file) =>
    [...textOf(file).matchAll(/\*\*\[?([A-Z]{2}\d+)\]?\*\*/g)].map(([, id]) => id),
  ),
)
const rows = textOf('docs/partitions.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| behaviour'))
  .map((line) => line.split('|').map((cell) => cell.trim()))

describe('the table of what is promised about partitions', () => {
  it('names a machine and rules that there are in every row', () => {
    expect(rows.length).toBeGreaterThan(50)
    for (const [, behaviour, by, named] of rows) {
      expect(by, behaviour).not.toBe('')
      const ids = (named ?? '').split(',').map((id) => id.trim())
      expect(
        ids.filter((id) => !rules.has(id)),
        behaviour,
      ).toEqual([])
    }
  })
})
