import { describe, expect, it } from 'vitest'
import { groupCommit } from './group-commit.ts'
import type { StorageOp } from './seams.ts'

const put = (key: string): StorageOp => ({ kind: 'put', key, bytes: new Uint8Array([1]) })
const keysOf = (ops: readonly StorageOp[]): string =>
  ops.map((op) => (op.kind === 'delete-prefix' ? op.prefix : op.key)).join('')

/** A medium whose commits end when the test says so. */
function slowMedium(refuses: (keys: string) => boolean = () => false) {
  const commits: string[] = []
  let release: () => void = () => {}
  return {
    commits,
    finish: async () => {
      release()
      await new Promise((resolve) => setTimeout(resolve))
    },
    commit: async (ops: readonly StorageOp[]) => {
      commits.push(keysOf(ops))
      await new Promise<void>((resolve) => {
        release = resolve
      })
      if (refuses(keysOf(ops))) throw new Error(`no room for ${keysOf(ops)}`)
    },
  }
}

describe('groupCommit', () => {
  it('commits the first batch alone and what arrived meanwhile together, in call order', async () => {
    const medium = slowMedium()
    const log = groupCommit(medium.commit)
    const answered: string[] = []
    for (const key of ['a', 'b', 'c']) void log.write([put(key)]).then(() => answered.push(key))
    expect(medium.commits).toEqual(['a'])
    expect(answered).toEqual([])
    await medium.finish()
    expect(medium.commits).toEqual(['a', 'bc'])
    expect(answered).toEqual(['a'])
    await medium.finish()
    expect(answered).toEqual(['a', 'b', 'c'])
  })

  it('rejects only the batch that cannot be stored', async () => {
    const medium = slowMedium((keys) => keys.includes('x'))
    const log = groupCommit(medium.commit)
    const outcomes = Promise.allSettled(['a', 'b', 'x', 'c'].map((key) => log.write([put(key)])))
    for (let step = 0; step < 6; step++) await medium.finish()
    expect(medium.commits).toEqual(['a', 'bxc', 'b', 'x', 'c'])
    expect((await outcomes).map((outcome) => outcome.status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
  })

  it('settles after everything handed in was answered', async () => {
    const medium = slowMedium()
    const log = groupCommit(medium.commit)
    const answered: string[] = []
    void log.write([put('a')]).then(() => answered.push('a'))
    void log.write([put('b')]).then(() => answered.push('b'))
    const settled = log.settled().then(() => [...answered])
    await medium.finish()
    await medium.finish()
    expect(await settled).toEqual(['a', 'b'])
  })
})
