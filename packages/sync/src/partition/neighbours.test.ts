import { describe, expect, it } from 'vitest'
import type { Session } from '../session.ts'
import { Neighbours } from './neighbours.ts'

/** A connection to a server of that name, and how many frames were sent over it. */
function connection(name: string): { readonly session: Session; sent: number } {
  const made = { sent: 0, session: undefined as unknown as Session }
  const send = (): void => {
    made.sent += 1
  }
  made.session = { peer: { role: 'server' }, peerName: name, send } as unknown as Session
  return made
}

describe('neighbours', () => {
  it('[PL18] are told over the newest connection: an older one may be dead, as of a server that was killed', () => {
    const neighbours = new Neighbours({ role: 'server', authorize: undefined })
    const [dead, alive, other] = [connection('b'), connection('b'), connection('c')]
    expect([dead, alive, other].map(({ session }) => neighbours.add(session))).toEqual([true, false, true])
    const counts = (): number[] => [dead, alive, other].map(({ sent }) => sent)
    neighbours.send('b', { kind: 'heartbeat', isHidden: false })
    neighbours.sendAll(['b', 'c', 'nobody'], { kind: 'heartbeat', isHidden: false })
    expect(counts()).toEqual([0, 2, 1])
    neighbours.remove(alive.session)
    neighbours.send('b', { kind: 'heartbeat', isHidden: false })
    expect(counts()).toEqual([1, 2, 1])
  })
})
