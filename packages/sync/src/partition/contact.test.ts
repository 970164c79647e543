import { register, schema, set } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import {
  createMemoryDisk,
  type DocumentHandle,
  type Environment,
  type EnvironmentHint,
  type HealEvent,
  type MemoryLink,
} from '../index.ts'
import { insideOf } from '../replica.ts'
import { atOnce, type Participant } from '../world.test-helper.ts'
import { Cluster, type Node } from './cluster.test-helper.ts'
import type { Partitions } from './partitions.ts'
import { watchPartitions } from './watch.ts'

const Note = schema({ title: register(''), tags: set<string>() })
type NoteHandle = DocumentHandle<typeof Note>

const openAt = ({ replica }: Participant, name: string): NoteHandle => atOnce(replica.open(name, Note))

/** All that one tells, by kind. */
function heard(watch: Partitions): string[] {
  const told: string[] = []
  for (const kind of ['suspected', 'split', 'healing', 'healed'] as const) watch.on(kind, () => told.push(kind))
  return told
}

describe('the status of a partition layer', () => {
  it('[PC1] is unknown, whole, split, healing and whole again, with what this side wrote and not what nobody can know', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    const { watch, participant } = cluster.node('a')
    expect(watch.status).toMatchObject({ state: 'unknown', side: 'unknown' })
    cluster.until('whole', () => watch.status.state === 'whole', 20)
    cluster.world.advance(20_000)
    const note = openAt(participant, 'note')
    note.change((draft) => draft.title.set('before'))
    cluster.world.advance(2000)
    const told = heard(watch)
    cluster.between('a', 'bc', true)
    // Written before anybody noticed that contact is lost.
    note.change((draft) => draft.tags.add('alone'))
    cluster.until('split', () => watch.status.state === 'split', 30)
    note.change((draft) => {
      draft.title.set('apart')
      draft.tags.add('still alone')
    })
    const { status } = watch
    if (status.state !== 'split') throw new Error(status.state)
    expect(status).toMatchObject({ side: 'isolated', members: ['a'], absent: ['b', 'c'], theirs: 'unknown' })
    expect(status.ours).toMatchObject({ documents: 1, changes: 2, keys: 3 })
    expect(status.ours.bytes).toBeGreaterThan(30)
    cluster.until('split there', () => cluster.node('b').watch.status.state === 'split', 30)
    const other = openAt(cluster.node('b').participant, 'note')
    for (let i = 0; i < 50; i++) other.change((draft) => draft.tags.add(`theirs ${i}`))
    const far = cluster.node('b').watch.status
    // Whatever becomes of the others: it is apart since then.
    const before = [watch.status.verdict?.since, status.since]
    cluster.between('b', 'c', true)
    cluster.world.advance(40_000)
    // So is who loses another one of its own side.
    const { status: smaller } = cluster.node('b').watch
    if (smaller.state !== 'split' || far.state !== 'split') throw new Error(`${smaller.state}, ${far.state}`)
    expect([smaller.members, smaller.since]).toEqual([['b'], far.since])
    expect(smaller.verdict?.since).toBeGreaterThan(far.since)
    cluster.between('b', 'c', false)
    cluster.world.advance(10_000)
    const now = watch.status
    expect([now.verdict?.since, now.state === 'split' && now.since]).toEqual(before)
    expect(far).toMatchObject({ state: 'split', side: 'majority', ours: { documents: 1, changes: 50 } })
    cluster.between('a', 'bc', false)
    cluster.until('whole', () => cluster.nodes.every((node) => node.watch.status.state === 'whole'), 65)
    expect(told.filter((kind) => kind !== 'healing').sort()).toEqual(['healed', 'split', 'suspected', 'suspected'])
    expect(told.at(-1)).toBe('healed')
    expect(told.indexOf('healing')).toBeGreaterThan(told.indexOf('split'))
    expect(note.snapshot.tags).toHaveLength(52)
  })

  it('[PC2] tells of a heal what was written at contact, and where outages are followed what became of it', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    const wire = cluster.world.wire('in')
    const client = cluster.world.replica()
    client.join({ transports: [wire.dial], capMs: 1000 })
    cluster.node('a').participant.join({ transports: [wire.listen] })
    const watch = watchPartitions(client.replica)
    const note = openAt(client, 'note')
    note.change((draft) => draft.title.set('before'))
    cluster.until('whole', () => watch.status.state === 'whole', 40)
    const healed: unknown[] = []
    watch.on('healed', (event) => healed.push(event))
    wire.cut()
    note.change((draft) => draft.title.set('by the client'))
    cluster.until('split', () => watch.status.state === 'split', 90)
    const far = openAt(cluster.node('b').participant, 'note')
    far.change((draft) => draft.title.set('by a server'))
    for (let i = 0; i < 20; i++) far.change((draft) => draft.tags.add(`theirs ${i}`))
    wire.restore()
    cluster.until('healed', () => healed.length > 0, 65)
    expect(healed).toMatchObject([
      { ours: { changes: 1, keys: 1 }, reports: [{ document: 'note', conflicts: [{ path: ['title'] }] }] },
    ])
    expect(watch.status.state).toBe('whole')
  })

  it('[PC3] counts documents that went out of memory meanwhile, and begins anew after each contact', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(40_000)
    const { watch, participant } = cluster.node('a')
    const changesApart = (): number => {
      const { status } = watch
      return status.state === 'split' ? status.ours.changes : -1
    }
    for (let turn = 1; turn <= 2; turn++) {
      cluster.between('a', 'bc', true)
      cluster.until('split', () => watch.status.state === 'split', 30)
      for (const name of ['one', 'two']) {
        const note = openAt(participant, name)
        note.change((draft) => draft.tags.add(`turn ${turn}`))
        note.close()
      }
      cluster.world.advance(120_000)
      expect(participant.replica.metrics().openDocuments).toBe(0)
      expect(changesApart()).toBe(2)
      cluster.between('a', 'bc', false)
      cluster.until('whole', () => watch.status.state === 'whole', 65)
      expect(changesApart()).toBe(-1)
    }
  })

  it('[PC3] counts what is written after a contact that was lost at once, too', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(40_000)
    const { watch, participant } = cluster.node('a')
    cluster.between('a', 'bc', true)
    cluster.until('split', () => watch.status.state === 'split', 30)
    const note = openAt(participant, 'note')
    note.change((draft) => draft.tags.add('before'))
    const told = heard(watch)
    cluster.between('a', 'bc', false)
    while (watch.status.connected.length === 0) cluster.world.advance(1)
    cluster.between('a', 'bc', true)
    note.change((draft) => draft.tags.add('after'))
    cluster.world.advance(30_000)
    const { status } = watch
    expect(status.state === 'split' && status.ours.changes).toBe(2)
    expect(told).not.toContain('healed')
  })

  it.each(['abc', 'abcd'])(
    '[PC10] of %s counts on where one side of three is back and another is not, with what that one wrote',
    (names) => {
      const cluster = new Cluster([...names])
      cluster.world.advance(40_000)
      const rest = names.replace(/[bc]/g, '')
      const all = [...names].map((name) => cluster.node(name))
      const notes = all.map(({ participant }) => openAt(participant, 'note'))
      const write = (at: number, what: string): unknown => notes[at]?.change((draft) => draft.tags.add(what))
      write(0, 'before')
      cluster.world.advance(2000)
      for (const [left, right] of [
        [rest, 'bc'],
        ['b', 'c'],
      ] as const)
        cluster.between(left, right, true)
      const counts = (): unknown[] =>
        all.map(({ watch: { status } }) => status.state === 'split' && `${status.absent} ${status.ours.changes}`)
      cluster.until('three sides', () => all.every(({ watch }) => watch.status.state === 'split'), 60)
      write(0, 'of a')
      write(1, 'of b')
      write(2, 'of c')
      cluster.between('a', 'b', false)
      cluster.until('b is back', () => counts()[0] === 'c 2', 65)
      cluster.world.advance(10_000)
      for (let more = 0; more < 5; more++) write(0, `of a, ${more}`)
      cluster.world.advance(60_000)
      expect(counts().slice(0, 2)).toEqual(['c 7', 'c 7'])
      const told: unknown[] = []
      for (const { name, watch } of all) watch.on('healed', ({ ours }) => told.push(`${name} ${ours.changes}`))
      cluster.between(names.replace('c', ''), 'c', false)
      cluster.until('whole', () => all.every(({ watch }) => watch.status.state === 'whole'), 65)
      const others = [...names].filter((name) => name !== 'c')
      expect(told.sort()).toEqual([...others.map((name) => `${name} 7`), 'c 1'].sort())
    },
  )

  it('[PC8] is healed once each side has what the other wrote to documents that nobody has in memory, too', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(40_000)
    const [a, b] = [cluster.node('a'), cluster.node('b')]
    const names = ({ participant }: Node): readonly string[] => {
      let found: readonly string[] = []
      participant.replica.documents().then((all) => {
        found = all
      })
      return found
    }
    cluster.between('a', 'bc', true)
    cluster.until('split', () => [a, b].every(({ watch }) => watch.status.state === 'split'), 60)
    for (let at = 0; at < 100; at++)
      for (const { name, participant } of [a, b].slice(at % 2)) {
        const note = openAt(participant, `${name} ${at}`)
        note.change((draft) => draft.tags.add('apart'))
        note.close()
      }
    cluster.world.advance(120_000)
    expect([a, b].map(({ participant }) => participant.replica.metrics().openDocuments)).toEqual([0, 0])
    const there: number[] = []
    for (const { watch } of [a, b]) watch.on('healed', () => there.push(names(a).length, names(b).length))
    for (const { watch } of [a, b])
      watch.onIncident((_, what) => what === 'closed' && there.push(names(a).length, names(b).length))
    cluster.between('a', 'bc', false)
    cluster.until('whole', () => cluster.nodes.every(({ watch }) => watch.status.state === 'whole'), 65)
    cluster.world.advance(5000)
    expect(there).toEqual([150, 150, 150, 150, 150, 150, 150, 150])
    expect(a.watch.status.open).toEqual([])
  })

  it('[PC9] keeps reports of heals while somebody listens, the last thousand of them', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(40_000)
    const { watch, participant } = cluster.node('a')
    const tell = (document: string): void => insideOf(participant.replica).healed({ document } as HealEvent)
    const stop = watch.on('healed', () => undefined)
    cluster.between('ab', 'c', true)
    cluster.until('split', () => watch.status.state === 'split', 60)
    for (let count = 0; count < 1002; count++) tell(`${count}`)
    stop()
    tell('nobody hears')
    const told: string[] = []
    watch.on('healed', ({ reports }) => told.push(...reports.map(({ document }) => document)))
    cluster.between('ab', 'c', false)
    cluster.until('whole', () => watch.status.state === 'whole', 65)
    expect([told.length, told[0], told.at(-1)]).toEqual([1000, '2', '1001'])
  })

  describe('of a page', () => {
    it('[PC4] says nothing before a voter told it, and then where it is, in a split or not', () => {
      for (const isApart of [false, true]) {
        const cluster = new Cluster(['a', 'b', 'c'])
        cluster.world.advance(40_000)
        if (isApart) cluster.between('a', 'bc', true)
        cluster.world.advance(40_000)
        const { watch } = pageOf(cluster, isApart ? ['a'] : ['a', 'b', 'c'])
        const modes: string[] = []
        const told = heard(watch)
        watch.onVerdict(({ mode }) => modes.push(mode))
        cluster.world.advance(500)
        expect(new Set(modes)).toEqual(new Set([isApart ? 'isolated' : 'full']))
        expect([watch.status.state, watch.status.side]).toEqual(isApart ? ['split', 'isolated'] : ['whole', 'full'])
        expect(told).toEqual(isApart ? ['split'] : [])
      }
    })

    it('[PC7] takes the first word of a voter that has just begun itself for no split', () => {
      for (const preset of ['browser', 'lan'] as const) {
        for (let afterMs = 0; afterMs <= 100; afterMs += 5) {
          const cluster = new Cluster(['a', 'b', 'c'])
          cluster.world.advance(afterMs)
          const { watch } = pageOf(cluster, ['c'], {}, preset)
          const modes: string[] = []
          const told = heard(watch)
          watch.onVerdict(({ mode }) => modes.push(mode))
          cluster.until('whole', () => watch.status.side === 'full', 20)
          expect([told, watch.status.state, modes.at(-1)], `${preset} ${afterMs}`).toEqual([[], 'whole', 'full'])
          expect(modes.filter((mode) => mode !== 'full' && mode !== 'mixed')).toEqual([])
        }
      }
    })

    it('[PC7] knows at once that all are connected, though some only through others', () => {
      const cluster = new Cluster(['a', 'b', 'c'])
      cluster.world.advance(40_000)
      cluster.between('a', 'c', true)
      cluster.world.advance(40_000)
      const { watch } = pageOf(cluster, ['b'])
      cluster.world.advance(500)
      expect([watch.status.state, watch.status.side]).toEqual(['whole', 'mixed'])
    })

    it('[PC7] knows of a split from a voter that has begun in it, once that one says so itself', () => {
      const cluster = new Cluster(['a', 'b', 'c'])
      cluster.world.advance(40_000)
      cluster.between('a', 'bc', true)
      cluster.node('a').participant.replica.close()
      const again = cluster.start('a')
      const { watch } = pageOf(cluster, ['a'])
      cluster.world.advance(2000)
      expect([watch.status.state, again.watch.status.state]).toEqual(['unknown', 'unknown'])
      cluster.until('the voter says so', () => again.watch.status.state === 'split', 40)
      cluster.world.advance(500)
      expect([watch.status.state, watch.status.side]).toEqual(['split', 'isolated'])
    })

    it('[PC4] [PL20] says that it is alone when it is offline, or after a while in which nobody was heard', () => {
      const cluster = new Cluster(['a', 'b', 'c'])
      cluster.world.advance(40_000)
      const disk = createMemoryDisk()
      const before = pageOf(cluster, ['a'], { disk })
      cluster.until('whole', () => before.watch.status.state === 'whole', 20)
      before.participant.replica.close()
      for (const isOffline of [false, true]) {
        let hear: (hint: EnvironmentHint) => void = () => undefined
        const environment: Environment = {
          onHint: (listener) => {
            hear = listener
            return () => undefined
          },
        }
        const { watch, participant } = pageOf(cluster, [], { disk, environment })
        const modes: string[] = []
        watch.onVerdict(({ mode }) => modes.push(mode))
        cluster.world.advance(1000)
        expect([watch.status.state, modes]).toEqual(['unknown', []])
        if (isOffline) hear('offline')
        cluster.world.advance(isOffline ? 1000 : 70_000)
        expect([watch.status.state, modes]).toEqual(['split', ['isolated']])
        participant.replica.close()
      }
    })

    it('[PL38] goes by what all its servers say, where they were set up anew and know nothing of the later roster', () => {
      const older = new Cluster(['a', 'b', 'c'], { epoch: 4 })
      older.world.advance(40_000)
      const disk = createMemoryDisk()
      const before = pageOf(older, ['a'], { disk })
      older.until('whole', () => before.watch.status.state === 'whole', 20)
      before.participant.replica.close()
      const cluster = new Cluster(['a', 'b', 'd'])
      cluster.world.advance(40_000)
      const { watch } = pageOf(cluster, ['a'], { disk })
      cluster.world.advance(30_000)
      expect(watch.status.roster?.epoch).toBe(4)
      cluster.until('whole', () => watch.status.state === 'whole', 20)
      expect(watch.status.roster).toEqual(cluster.roster)
    })

    it('[PL38] goes by the later one after a sleep, whoever of its servers is heard first', () => {
      const { cluster, watch, links } = pageOfTwo()
      for (let shift = 0; shift < 10; shift++) {
        cluster.world.advance(5_000 + shift * 100)
        for (const link of links) link.silent = true
        cluster.world.advance(60_000)
        for (const link of links) link.silent = false
        for (let second = 0; second < 20; second++) {
          cluster.world.advance(1000)
          expect(watch.status.roster?.epoch).toBe(2)
        }
      }
    })

    it('[PL38] leaves an earlier roster aside for as long as one server goes by the later', () => {
      const { cluster, watch } = pageOfTwo()
      for (let second = 0; second < 90; second++) {
        cluster.world.advance(1000)
        expect(watch.status.roster?.epoch).toBe(2)
      }
    })
  })
})

/** A page of two servers, of which one goes by the roster before, as it is cut off, and the page by the later one. */
function pageOfTwo(): ReturnType<typeof pageOf> & { readonly cluster: Cluster } {
  const cluster = new Cluster(['a', 'b', 'c'])
  cluster.world.advance(40_000)
  const page = pageOf(cluster, ['a', 'b'])
  const { watch } = page
  cluster.until('whole', () => watch.status.state === 'whole', 20)
  cluster.between('a', 'bc', true)
  cluster.world.advance(20_000)
  cluster.node('b').watch.propose({ ...cluster.roster, voters: cluster.roster.voters.slice(1) })
  cluster.until('changed', () => watch.status.roster?.epoch === 2, 20)
  return { ...page, cluster }
}

/** A client with the settings of pages. */
function pageOf(
  cluster: Cluster,
  names: readonly string[],
  options: Parameters<Cluster['world']['replica']>[0] = {},
  preset: 'browser' | 'lan' = 'browser',
): { readonly participant: Participant; readonly watch: Partitions; readonly links: readonly MemoryLink[] } {
  const participant = cluster.world.replica(options)
  const links = names.map((name) => {
    const wire = cluster.world.wire(`page-${name}`)
    cluster.node(name).participant.join({ transports: [wire.listen] })
    return wire
  })
  participant.join({ transports: links.map(({ dial }) => dial) })
  return { participant, watch: watchPartitions(participant.replica, { preset }), links }
}
