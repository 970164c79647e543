import { Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { hello, introduction, Stranger } from './stranger.test-helper.ts'
import { star } from './world.test-helper.ts'

describe('packed changes and bundles', () => {
  it('[SY54] go to peers of format 4 only, and each is sent its own', () => {
    const made = star(1, { server: { limits: { keptChanges: 4 } } })
    const [ada] = made.handles
    for (let i = 0; i < 20; i++) ada?.change((s) => s.potions.add(1))
    made.world.advance(500)
    const strangers = [4, 3, 2, 1, 4].map((max, at) => {
      const wire = made.world.wire(`stranger-${at}`)
      made.server.join({ transports: [wire.listen] })
      const stranger = new Stranger(made, wire.dial)
      const replica = `00000000000000e${at}`
      stranger.send({ ...hello, format: { min: 1, max }, introduction: { ...introduction, replica } })
      made.world.advance(100)
      stranger.send({ kind: 'open', handle: 1, document: 'raid', version: Version.empty })
      stranger.send({ kind: 'opened', handle: 1, permission: 'write', version: Version.empty })
      made.world.advance(500)
      return { max, stranger }
    })
    ada?.change((s) => s.potions.add(1))
    made.world.advance(500)
    for (const { max, stranger } of strangers) {
      const bundles = stranger.heard('bundle').map(({ chunk }) => chunk[0] as number)
      const changes = stranger.heard('changes').map(({ bytes }) => bytes[0] as number)
      expect(stranger.heard('welcome').map(({ format }) => format)).toEqual([max])
      expect(bundles).toHaveLength(1)
      expect(changes).toHaveLength(1)
      expect(bundles.every((format) => format > 4)).toBe(max === 4)
      expect(changes.every((format) => format === 3)).toBe(max === 4)
    }
  })
})
