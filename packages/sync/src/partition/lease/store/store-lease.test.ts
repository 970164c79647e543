import { describe, expect, it } from 'vitest'
import { maxTtlMs, Scene, type SceneReplica, waitMs } from './store-lease.test-helper.ts'
import { createStoreLease } from './store-lease.ts'
import type { StoreAnswer, StoreLeaseInput } from './store-lease-types.ts'

const unanswered: StoreAnswer = { kind: 'failed', because: 'unavailable', reason: 'No answer.' }
type Three = [SceneReplica, SceneReplica, SceneReplica]
const kinds = (effects: readonly { readonly kind: string }[]): string[] => effects.map(({ kind }) => kind)

describe('a lease in a store', () => {
  it('[SL10] lasts ttl * (1 - epsilon) from before the store was asked, by the clock that went more', () => {
    const scene = Scene.opened()
    const alice = scene.replica('alice')
    alice.onRequest = () => {
      scene.pass(40)
      return undefined
    }
    const granted = alice.acquire()
    expect(granted).toMatchObject({ kind: 'granted', validMs: 950 })
    // Five questions of 40 ms went by since it was asked for.
    expect(alice.machine.wakeAt).toBe(scene.reading.now + 950 - 200)
    scene.pass(749)
    expect(alice.isHolder).toBe(true)
    // The monotonic clock stood still, as in sleep.
    scene.pass(0, 1)
    expect(alice.isHolder).toBe(false)
  })

  it('[SL11] goes to another only after it did not change for ttl * (1 + epsilon), by the clock that went less', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    alice.acquire()
    scene.pass(900)
    const refused = bob.acquire()
    expect(refused).toMatchObject({ kind: 'refused', because: 'taken' })
    expect(refused?.kind === 'refused' && refused.reason).toMatch(/alice, for 2 s more/)
    scene.pass(waitMs - 1)
    expect(bob.acquire()?.kind).toBe('refused')
    // A wall clock that was set ahead counts for nothing.
    scene.pass(0, 60_000)
    expect(bob.acquire()?.kind).toBe('refused')
    scene.pass(1)
    expect(bob.acquire()?.kind).toBe('granted')
  })

  it('[SL11] counts from anew with each renewal, and for as long as it was asked for', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    alice.acquire(400)
    bob.acquire()
    scene.pass(300)
    alice.renew(undefined, 400)
    bob.acquire()
    scene.pass(300)
    expect(bob.acquire()?.kind).toBe('refused')
    scene.pass(120)
    expect(bob.acquire()?.kind).toBe('granted')
  })

  it('[SL12] is taken by one where two are as fast, and the write says which', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    let isFirst = true
    alice.onRequest = ({ kind }) => {
      if (kind === 'write' && isFirst) {
        isFirst = false
        expect(bob.acquire()?.kind).toBe('granted')
      }
      return undefined
    }
    expect(alice.acquire()).toMatchObject({ kind: 'refused', because: 'taken', reason: 'Somebody else was faster.' })
    expect([alice.isHolder, bob.isHolder]).toEqual([false, true])
  })

  it('[SL13] is not granted where it is unknown whether the write took effect; the same replica has it at its next try', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    alice.onRequest = (request) => {
      if (request.kind !== 'write') return undefined
      alice.answerOf(request)
      return unanswered
    }
    expect(alice.acquire()).toEqual({ kind: 'refused', because: 'unavailable', reason: 'No answer.' })
    expect(alice.isHolder).toBe(false)
    expect(bob.acquire()?.kind).toBe('refused')
    alice.onRequest = () => undefined
    const again = alice.acquire()
    expect(again?.kind === 'granted' && again.token.ballot).toBe(scene.store.revision)
  })

  it('[SL14] goes on after a renewal of which it is unknown whether it took effect, and is not longer for it', () => {
    const scene = Scene.opened()
    const alice = scene.replica('alice')
    alice.acquire()
    scene.pass(500)
    alice.onRequest = (request) => {
      if (request.kind !== 'write') return undefined
      alice.answerOf(request)
      return unanswered
    }
    expect(alice.renew().at(-1)).toMatchObject({ kind: 'refused', because: 'unavailable' })
    alice.onRequest = () => undefined
    scene.pass(400)
    expect(alice.isHolder).toBe(true)
    // What stands there is its own.
    expect(alice.renew().at(-1)?.kind).toBe('granted')
    scene.pass(900)
    expect(alice.isHolder).toBe(true)
    expect(alice.renew('word').at(-1)?.kind).toBe('granted')
    alice.onRequest = () => unanswered
    alice.renew()
    scene.pass(950)
    expect(alice.isHolder).toBe(false)
  })

  it('[SL24] is held by the store for as long as its holder may go on, also where it is renewed for less', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    alice.acquire()
    alice.onRequest = (request) => {
      if (request.kind === 'write') alice.answerOf(request)
      return unanswered
    }
    alice.renew(undefined, 200)
    bob.acquire()
    scene.pass(949)
    expect(bob.acquire()?.kind).toBe('refused')
    expect(alice.isHolder).toBe(true)
    scene.pass(waitMs - 949)
    expect(bob.acquire()?.kind).toBe('granted')
  })

  it('[SL15] is lost at once where somebody else wrote it, and what it was is waited out', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    alice.acquire()
    const key = ['lease', alice.machine.state.life?.id as string, 'match', 'round']
    for (const rubbish of ['rubbish', '{"holder":1}', '[]', undefined, `{"holder":"x","name":"x","ttlMs":${1e9}}`]) {
      scene.store.write(key, rubbish)
      expect(bob.acquire(), rubbish).toMatchObject({ kind: 'refused', because: 'unsound' })
    }
    expect(kinds(alice.renew())).toEqual(['lost', 'refused'])
    scene.pass(waitMs - 1)
    expect(bob.acquire()).toMatchObject({ kind: 'refused', because: 'unsound' })
    scene.pass(1)
    expect(bob.acquire()?.kind).toBe('granted')
  })

  it('[SL15] is lost where it went to another against the rules, and says to whom', () => {
    const scene = Scene.opened()
    const alice = scene.replica('alice')
    alice.acquire()
    const key = ['lease', alice.machine.state.life?.id as string, 'match', 'round']
    scene.store.write(key, '{"holder":"other","name":"mallory","ttlMs":1000}')
    expect(alice.renew()).toMatchObject([{ kind: 'lost', reason: 'It went to mallory.' }, { kind: 'refused' }])
  })

  it('[SL16] is given up before that is told, also while it is renewed, and is free once it was told', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    alice.acquire()
    const token = alice.machine.state.held?.token
    if (token === undefined) throw new Error('not granted')
    const told: string[] = []
    let isFirst = true
    alice.onRequest = (request) => {
      if (!isFirst || request.kind !== 'write') return undefined
      isFirst = false
      const answer = alice.answerOf(request)
      told.push(...kinds(alice.machine.step({ kind: 'release', token, ...scene.reading })))
      expect(alice.isHolder).toBe(false)
      return answer
    }
    const after = kinds(alice.renew())
    expect([...told, ...after]).toEqual(['lost', 'refused', 'released'])
    expect(bob.acquire()?.kind).toBe('granted')
  })

  it('[SL16] is freed also where a renewal took effect unheard', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    alice.acquire()
    alice.onRequest = (request) => {
      if (request.kind === 'write') alice.answerOf(request)
      return unanswered
    }
    alice.renew()
    alice.onRequest = () => undefined
    expect(kinds(alice.release())).toEqual(['lost', 'released'])
    expect(bob.acquire()?.kind).toBe('granted')
  })

  it('[SL17] is granted by no store that is new or has lost what it had before all leases of before have ended', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    alice.acquire()
    const before = alice.machine.state.held?.token
    scene.store.lose()
    expect(bob.acquire()).toMatchObject({ kind: 'refused', because: 'taken' })
    scene.pass(900)
    expect(alice.isHolder).toBe(true)
    scene.pass(waitMs - 901)
    expect(bob.acquire()?.kind).toBe('refused')
    scene.pass(1)
    const granted = bob.acquire()
    expect(granted?.kind === 'granted' && granted.token.epoch > (before?.epoch ?? 0)).toBe(true)
    expect(alice.isHolder).toBe(false)
  })

  it('[SL17] watches each life anew, also where the revisions are those of the one before', () => {
    const scene = new Scene()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    alice.acquire()
    bob.acquire()
    scene.pass(waitMs)
    bob.acquire()
    expect(bob.isHolder).toBe(true)
    scene.store.lose()
    scene.replica('carol').acquire()
    expect(scene.store.revision).toBe(1)
    // What alice has watched for long enough was another life of revision 1.
    expect(alice.acquire()?.kind).toBe('refused')
    expect(bob.isHolder).toBe(true)
  })

  it('[SL18] is not renewed in another life of the store, and what was asked of one takes no effect in another', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    alice.acquire()
    scene.store.lose()
    scene.open()
    // The revision that it expects is there again, for another.
    while (scene.store.revision < (alice.machine.state.held?.revision ?? 0) - 1) scene.store.write(['other'], 'x')
    expect(bob.acquire()?.kind).toBe('granted')
    expect(kinds(alice.renew())).toContain('lost')
    expect(bob.renew().at(-1)?.kind).toBe('granted')

    const other = Scene.opened()
    const [carol, dave] = [other.replica('carol'), other.replica('dave')]
    carol.onRequest = ({ kind, key }) => {
      if (kind === 'write' && key[0] === 'lease') {
        other.store.lose()
        dave.acquire()
        while (other.store.revision < 20) other.store.write(['other'], 'x')
      }
      return undefined
    }
    expect(carol.acquire()).toMatchObject({ kind: 'refused', because: 'taken' })
    expect(carol.isHolder).toBe(false)
  })

  it('[SL18] is lost with its renewal where another life has begun beside it', () => {
    const scene = Scene.opened()
    const alice = scene.replica('alice')
    alice.acquire()
    scene.store.write(['life'], '{"id":"other","epoch":99000000,"maxTtlMs":1000}')
    expect(kinds(alice.renew())).toEqual(['lost', 'refused'])
  })

  it('[SL19] has tokens above all that were seen here, also where the store went back to what it was', () => {
    const scene = Scene.opened()
    const [alice, bob] = [scene.replica('alice'), scene.replica('bob')]
    bob.acquire()
    bob.release()
    const back = scene.store.keep()
    alice.acquire()
    const before = alice.machine.state.held?.token
    alice.renew()
    alice.release()
    back()
    // Its write is given a revision that it has seen.
    expect(alice.acquire()).toMatchObject({ kind: 'refused', because: 'taken' })
    expect(alice.isHolder).toBe(false)
    expect(alice.acquire()?.kind).toBe('refused')
    expect(bob.acquire()?.kind).toBe('refused')
    scene.pass(waitMs)
    const granted = alice.acquire()
    expect(granted?.kind === 'granted' && granted.token.epoch > (before?.epoch ?? 0)).toBe(true)
  })

  it('[SL19] is lost where a renewal is given a revision that was there before', () => {
    const scene = Scene.opened()
    const alice = scene.replica('alice')
    alice.acquire()
    const back = scene.store.keep()
    for (let turn = 0; turn < 3; turn++) scene.store.write(['other'], 'x')
    alice.renew()
    back()
    alice.onRequest = ({ kind }) => (kind === 'write' ? { kind: 'written', revision: 5 } : undefined)
    expect(kinds(alice.renew())).toEqual(['lost', 'refused'])
  })

  it('[SL20] begins another life where the one that is there is of an epoch below one that was seen', () => {
    const scene = Scene.opened()
    const alice = scene.replica('alice')
    alice.acquire()
    const { epoch = 0 } = alice.machine.state.held?.token ?? {}
    alice.release()
    scene.store.lose()
    scene.store.write(['life'], '{"id":"old","epoch":7,"maxTtlMs":1000}')
    scene.store.write(['open', 'old'], '{}')
    // Its clock was put back as well.
    scene.pass(0, -80_000)
    expect(alice.acquire()?.kind).toBe('refused')
    scene.pass(waitMs)
    const granted = alice.acquire()
    expect(granted?.kind === 'granted' && granted.token.epoch > epoch).toBe(true)
  })

  it('[SL20] begins another life where two are of one epoch', () => {
    const scene = Scene.opened()
    const alice = scene.replica('alice')
    alice.acquire()
    alice.release()
    const { epoch = 0 } = alice.machine.state.life ?? {}
    scene.store.lose()
    scene.store.write(['life'], `{"id":"twin","epoch":${epoch},"maxTtlMs":1000}`)
    scene.store.write(['open', 'twin'], '{}')
    expect(alice.acquire()?.kind).toBe('refused')
    scene.pass(waitMs)
    const granted = alice.acquire()
    expect(granted?.kind === 'granted' && granted.token.epoch > epoch).toBe(true)
  })

  it('[SL21] is refused with the reason where a store is used with another longest time', () => {
    const scene = Scene.opened()
    const refused = scene.replica('bob', { maxTtlMs: 500 }).acquire(500)
    expect(refused).toMatchObject({ kind: 'refused', because: 'unsound' })
    expect(refused?.kind === 'refused' && refused.reason).toMatch(/1000 ms.*500 ms/)
    expect(scene.replica('bob').acquire(2 * maxTtlMs)).toMatchObject({ kind: 'refused', because: 'unsound' })
  })

  it('[SL22] takes word of bounded length, and keeps it over holders', () => {
    const scene = Scene.opened()
    const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => scene.replica(name)) as Three
    alice.acquire()
    expect(alice.renew('x'.repeat(5000)).at(-1)).toMatchObject({ kind: 'refused', because: 'unsound' })
    expect(alice.isHolder).toBe(true)
    alice.renew('seven')
    alice.release()
    expect(bob.acquire()).toMatchObject({ kind: 'granted', word: 'seven' })
    // Also of one that never said anything more.
    carol.acquire()
    scene.pass(waitMs)
    expect(carol.acquire()).toMatchObject({ kind: 'granted', word: 'seven' })
  })

  it('[SL23] takes answers to its latest question only, and goes on alike from its exported state', () => {
    const scene = Scene.opened()
    const alice = scene.replica('alice')
    const options = { document: 'match', lease: 'round', self: 'twin', name: 'twin', maxTtlMs, newId: () => 'life0' }
    let { machine } = alice
    const rebuilt = (): void => {
      machine = createStoreLease(options, JSON.parse(JSON.stringify(machine.state)))
    }
    let effects = machine.step({ kind: 'acquire', ttlMs: maxTtlMs, ...scene.reading })
    for (let turn = 0; effects[0]?.kind === 'read' || effects[0]?.kind === 'write'; turn++) {
      const [request] = effects
      rebuilt()
      const answer = alice.answerOf(request)
      const late: StoreLeaseInput = { kind: 'answer', request: request.request - 1, answer, ...scene.reading }
      expect(machine.step(late)).toEqual([])
      effects = machine.step({ kind: 'answer', request: request.request, answer, ...scene.reading })
      if (turn > 20) throw new Error('no end')
    }
    expect(kinds(effects)).toEqual(['granted'])
  })
})
