import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { storeMutants } from '../simulation/store-mutants.ts'
import { root } from './pages.ts'

describe('the table of claims', () => {
  const named = [...readFileSync(join(root, 'docs/architecture.md'), 'utf8').matchAll(/(?<=[|;] )\*([^*|]+)\*/g)].map(
    (match) => match[1] as string,
  )

  it('names every mutant of the store model, and none that is not there', () => {
    expect(Object.keys(storeMutants).filter((name) => !named.includes(name))).toEqual([])
    const texts = ['store-mutants.ts', 'world-mutants.test.ts'].map((file) =>
      readFileSync(join(root, 'test/simulation', file), 'utf8'),
    )
    expect(named.filter((name) => !texts.some((text) => text.includes(`'${name}'`)))).toEqual([])
    expect(named.length).toBeGreaterThan(30)
  })

  it('has mutants of all that was once decided wrongly, C1 to C8', () => {
    for (let i = 1; i <= 8; i++) expect(named.some((name) => name.startsWith(`C${i}: `))).toBe(true)
  })
})
