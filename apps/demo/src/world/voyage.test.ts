import { describe, expect, it } from 'vitest'
import { shipyard } from './sim-world.ts'
import { Voyage } from './voyage.ts'

describe('a voyage', () => {
  it('does not run back when a frame is older than its loop, and so forks nothing', () => {
    const voyage = new Voyage(shipyard, shipyard.calm(433), () => undefined)
    voyage.tick(40)
    voyage.tick(-9)
    expect(voyage.now()).toBe(40)
    voyage.storm('halves', 1)
    expect(voyage.forks.value).toEqual([])
  })
})
