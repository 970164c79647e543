import { describe, expect, it } from 'vitest'
import { createPeerLinks, linksToClose, mostLinksOfPeer } from './peer-links.ts'

describe('links to the same peer', () => {
  it('[DB11] come down to one, the same at both ends, in whatever order the ends see them open and close', () => {
    // Links by who opened them; each end sees openings in an order of its own.
    const openers = ['ann', 'ann', 'bob', 'bob'] as const
    for (const seen of orders([0, 1, 2, 3])) {
      for (const other of orders([0, 1, 2, 3])) {
        const left = new Set(openers.keys())
        const views = { ann: new Set<number>(), bob: new Set<number>() }
        for (let n = 0; n < 4; n++) {
          for (const [me, peer, link] of [
            ['ann', 'bob', seen[n]],
            ['bob', 'ann', other[n]],
          ] as const) {
            if (left.has(link as number)) views[me].add(link as number)
            const open = [...views[me]].map((at) => ({ link: at, isOurs: openers[at] === me }))
            for (const closed of linksToClose(me, peer, open)) {
              expect(openers[closed]).toBe(me)
              left.delete(closed)
              views[me].delete(closed)
              views[peer].delete(closed)
            }
          }
        }
        expect(left.size).toBe(1)
        expect(openers[[...left][0] as number]).toBe('ann')
      }
    }
  })

  it('[DB11] that we opened are closed but for the oldest, which may carry data already', () => {
    const ours = [3, 5, 8].map((link) => ({ link, isOurs: true }))
    expect(linksToClose('ann', 'bob', ours)).toEqual([5, 8])
    expect(linksToClose('bob', 'ann', ours)).toEqual([5, 8])
    expect(linksToClose('bob', 'ann', [...ours, { link: 9, isOurs: false }])).toEqual([3, 5, 8])
  })

  it('[DB11] are at most four that the peer opened', () => {
    const links = createPeerLinks('ann')
    const closed: number[] = []
    for (let link = 0; link < 20; link++) {
      links.add(link, { peer: 'bob', since: link, isOurs: false, key: undefined })
      for (const one of links.superfluous('bob')) {
        closed.push(one)
        links.drop(one)
      }
    }
    expect([links.size, closed]).toEqual([mostLinksOfPeer, Array.from({ length: 16 }, (_, at) => at)])
    expect([...links.connected]).toEqual(['bob'])
    for (let link = 16; link < 20; link++) links.drop(link)
    expect(links.connected.size).toBe(0)
  })
})

function orders(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item) => orders(items.filter((other) => other !== item)).map((rest) => [item, ...rest]))
}
