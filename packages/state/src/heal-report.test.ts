import { describe, expect, it } from 'vitest'
import {
  type AuthorId,
  beginCut,
  type Change,
  type Conflict,
  counter,
  createStore,
  flag,
  type HealReport,
  list,
  map,
  mvRegister,
  openDocument,
  reapply,
  register,
  schema,
  set,
} from './index.ts'
import { pull } from './replicas.test-helper.ts'
import { bundleSince } from './since.ts'

const World = schema({
  phase: register('lobby'),
  motto: mvRegister<string>(),
  open: flag(false),
  score: counter(0),
  tags: set<string>(),
  log: list<string>(),
  players: map({ name: register(''), hp: counter(100) }),
})

type Replica = ReturnType<typeof replica>

let minted = 0

function replica(name: string) {
  const clock = { now: 1_700_000_000_000 }
  const store = createStore({
    newAuthor: () => (name.repeat(12) + (++minted).toString(16).padStart(4, '0')) as AuthorId,
    now: () => clock.now++,
  })
  return Object.assign(openDocument(World, store), { clock })
}

/** Lets two replicas write apart and meet again; the reports of both. */
function apart(alice: Replica, bob: Replica, write: () => void): [HealReport, HealReport] {
  const cuts = [beginCut(alice.store), beginCut(bob.store)] as const
  write()
  const [ours, theirs] = [alice.store.version, bob.store.version]
  cuts[0].contact(theirs)
  cuts[1].contact(ours)
  pull(alice, bob)
  pull(bob, alice)
  expect(bob.snapshot).toEqual(alice.snapshot)
  const reports: [HealReport, HealReport] = [cuts[0].report(), cuts[1].report()]
  for (const cut of cuts) cut.close()
  return reports
}

function brief({ path, rule, winner, ours, theirs, ancestor }: Conflict): unknown[] {
  return [path.join('.'), rule, winner, ours.value, theirs.value, ancestor.known ? ancestor.value : 'unknown']
}

describe('a heal report', () => {
  it('[HR1] says what each side did, by author, in the same figures on both sides', () => {
    const [alice, bob] = [replica('a'), replica('b')]
    const [ours, theirs] = apart(alice, bob, () => {
      alice.change((s) => s.score.add(1))
      alice.change((s) => s.players.get('ada').name.set('Ada'))
      bob.change((s) => s.tags.add('red'))
    })
    expect(ours.ours).toMatchObject({ changes: 2, keys: 2, paths: [['players', 'ada', 'name'], ['score']] })
    expect(ours.ours.byAuthor).toEqual([{ author: alice.store.author, changes: 2 }])
    expect(ours.theirs).toMatchObject({ changes: 1, keys: 1, paths: [['tags']] })
    expect(theirs.theirs.byAuthor).toEqual(ours.ours.byAuthor)
    expect(theirs.ours.paths).toEqual(ours.theirs.paths)
    expect(ours.ours.bytes).toBeGreaterThan(0)
    expect(ours.conflicts).toEqual([])
    expect(ours.detail).toBe('net')
  })

  it('[HR2] lists exactly the keys that both sides wrote differently, with values, rule and winner', () => {
    const [alice, bob] = [replica('a'), replica('b')]
    alice.change((s) => {
      s.phase.set('start')
      s.tags.add('kept')
      s.players.get('ada').name.set('Ada')
      s.players.get('bo').name.set('Bo')
    })
    pull(bob, alice)
    bob.clock.now += 60_000
    const [ours, theirs] = apart(alice, bob, () => {
      alice.change((s) => {
        s.phase.set('fight')
        s.open.enable()
        s.motto.set('onward')
        s.tags.delete('kept')
        s.score.add(1)
        s.log.push('a')
        s.players.get('ada').name.set('same')
        s.players.delete('bo')
      })
      bob.change((s) => {
        s.phase.set('flee')
        s.open.disable()
        s.motto.set('back')
        s.tags.add('kept')
        s.score.add(2)
        s.log.push('b')
        s.players.get('ada').name.set('same')
        s.players.get('bo').name.set('Bob')
      })
    })
    expect(ours.conflicts.map(brief)).toEqual([
      ['motto', 'all-kept', 'both', 'onward', 'back', undefined],
      ['open', 'enable-wins', 'ours', true, false, undefined],
      ['phase', 'newer', 'theirs', 'fight', 'flee', 'start'],
      ['players.bo.name', 'add-wins', 'theirs', undefined, 'Bob', 'Bo'],
      ['tags', 'add-wins', 'theirs', undefined, null, null],
    ])
    expect(theirs.conflicts.map(({ path, winner }) => [path.join('.'), winner])).toEqual([
      ['motto', 'both'],
      ['open', 'theirs'],
      ['phase', 'ours'],
      ['players.bo.name', 'ours'],
      ['tags', 'ours'],
    ])
    expect(ours.conflicts.find(({ path }) => path[0] === 'tags')?.element).toBe('kept')
    expect(ours.unknownAncestors).toBe(0)
  })

  for (const by of ['changes', 'bundles'] as const) {
    it(`[HR6] names a map entry that one side deleted and the other wrote in elsewhere, by ${by}`, () => {
      const [alice, bob] = [replica('a'), replica('b')]
      alice.change((s) => {
        for (const name of ['ada', 'bo', 'cy', 'dee']) s.players.get(name).name.set(name)
        s.players.get('bo').hp.add(-1)
      })
      pull(bob, alice)
      const sent: [Change[], Change[]] = [[], []]
      for (const [i, { store }] of [alice, bob].entries()) {
        store.subscribe(({ change, origin }) => {
          if (origin === 'local' && change !== undefined) sent[i as 0 | 1].push(change)
        })
      }
      const cuts = [beginCut(alice.store), beginCut(bob.store)] as const
      alice.change((s) => {
        s.players.delete('ada')
        s.players.delete('bo')
        s.players.delete('cy')
      })
      bob.change((s) => {
        // A field that alice had not seen, a counter that she had, a field in conflict of its own, nothing at all.
        s.players.get('ada').hp.add(-5)
        s.players.get('bo').hp.add(-7)
        s.players.get('cy').name.set('Cyrus')
        s.players.get('dee').hp.add(1)
      })
      cuts[0].contact(bob.store.version)
      cuts[1].contact(alice.store.version)
      if (by === 'bundles') {
        pull(alice, bob)
        pull(bob, alice)
      } else {
        for (const change of sent[1]) alice.store.applyChange(change)
        for (const change of sent[0]) bob.store.applyChange(change)
      }
      expect(alice.snapshot.players).toEqual(bob.snapshot.players)
      const [ours, theirs] = [cuts[0].report(), cuts[1].report()]
      expect(ours.conflicts.map(brief)).toEqual([
        ['players.ada', 'update-wins', 'theirs', undefined, { hp: -5 }, 'unknown'],
        ['players.bo', 'update-wins', 'theirs', undefined, { hp: -7 }, 'unknown'],
        ['players.cy.name', 'add-wins', 'theirs', undefined, 'Cyrus', 'cy'],
      ])
      expect(theirs.conflicts.map(brief)).toEqual([
        ['players.ada', 'update-wins', 'ours', { hp: -5 }, undefined, 'unknown'],
        ['players.bo', 'update-wins', 'ours', { hp: -7 }, undefined, 'unknown'],
        ['players.cy.name', 'add-wins', 'ours', 'Cyrus', undefined, 'cy'],
      ])
      expect(ours.conflicts[0]).toMatchObject({ kind: 'entry', result: { hp: -5 } })
      // The loser written back is the deletion.
      reapply(alice.store, ours.conflicts[0] as Conflict)
      expect(Object.keys(alice.snapshot.players)).toEqual(['bo', 'cy', 'dee'])
    })
  }

  it.each([
    { first: 'bob', second: 'carol', own: 'middle' },
    { first: 'carol', second: 'bob', own: 'middle' },
    { first: 'bob', second: 'carol', own: 'last' },
    { first: 'carol', second: 'bob', own: 'first' },
  ])('[HR2] of several others the one that leads stands for the other side: $first came first, own is $own', (turn) => {
    const [alice, bob, carol] = [replica('a'), replica('b'), replica('c')]
    const others = { bob, carol }
    const cut = beginCut(alice.store)
    bob.change((s) => s.phase.set('bob'))
    carol.clock.now += 2000
    carol.change((s) => s.phase.set('carol'))
    alice.clock.now += { first: -1000, middle: 1000, last: 3000 }[turn.own] ?? 0
    alice.change((s) => s.phase.set('alice'))
    cut.contact(bob.store.version.merge(carol.store.version))
    pull(alice, others[turn.first as 'bob'])
    pull(alice, others[turn.second as 'bob'])
    const winner = turn.own === 'last' ? 'ours' : 'theirs'
    expect(cut.report().conflicts.map(brief)).toEqual([['phase', 'newer', winner, 'alice', 'carol', undefined]])
    expect(alice.snapshot.phase).toBe(winner === 'ours' ? 'alice' : 'carol')
  })

  it('[HR6] names it in a revision when who deleted or wrote heals later, and not when the deletion was known', () => {
    const [alice, bob, carol] = [replica('a'), replica('b'), replica('c')]
    alice.change((s) => {
      for (const name of ['ada', 'bo', 'cy']) s.players.get(name).name.set(name)
    })
    pull(bob, alice)
    pull(carol, alice)
    const late: Change[] = []
    for (const { store } of [bob, carol]) {
      store.subscribe(({ change, origin }) => {
        if (origin === 'local' && change !== undefined) late.push(change)
      })
    }
    const cut = beginCut(alice.store)
    alice.change((s) => s.players.get('ada').hp.add(1))
    alice.change((s) => s.players.delete('bo'))
    carol.change((s) => s.players.delete('ada'))
    carol.change((s) => s.players.get('bo').hp.add(2))
    cut.contact(bob.store.version)
    cut.settle()
    let revisions = 0
    cut.onRevision(() => revisions++)
    // Bob knows that bo was deleted.
    pull(bob, alice)
    bob.change((s) => s.players.get('bo').hp.add(3))
    alice.store.applyChange(late.pop() as Change)
    expect([revisions, cut.report().conflicts]).toEqual([0, []])
    for (const change of late) alice.store.applyChange(change)
    expect(revisions).toBe(2)
    expect(cut.report().conflicts.map(({ path, rule, winner }) => [path.join('.'), rule, winner])).toEqual([
      ['players.ada', 'update-wins', 'ours'],
      ['players.bo', 'update-wins', 'theirs'],
    ])
  })

  it('[HR3] gives an ancestor only where it is certain: not where a third replica may have written in between', () => {
    const [alice, bob, carol] = [replica('a'), replica('b'), replica('c')]
    carol.change((s) => s.phase.set('first'))
    pull(alice, carol)
    pull(bob, carol)
    const cuts = [beginCut(alice.store), beginCut(bob.store)] as const
    // Both still hear carol, who writes once more: what they copied before is not what they both wrote upon.
    carol.change((s) => s.phase.set('second'))
    pull(alice, carol)
    pull(bob, carol)
    alice.change((s) => s.phase.set('alice'))
    bob.change((s) => s.phase.set('bob'))
    cuts[0].contact(bob.store.version)
    cuts[1].contact(alice.store.version)
    pull(alice, bob)
    pull(bob, alice)
    for (const cut of cuts) {
      const report = cut.report()
      expect(report.conflicts.map(({ ancestor }) => ancestor)).toEqual([{ known: false }])
      expect(report.unknownAncestors).toBe(1)
    }
  })

  it('[HR4] shows net effects where nothing was lost: sums, elements, lengths, values', () => {
    const [alice, bob] = [replica('a'), replica('b')]
    alice.change((s) => {
      s.tags.add('old')
      s.log.push('x', 'y')
    })
    pull(bob, alice)
    const [ours] = apart(alice, bob, () => {
      alice.change((s) => {
        s.score.add(5)
        s.tags.delete('old')
        s.log.delete(0)
      })
      bob.change((s) => s.score.add(-2))
      bob.change((s) => {
        s.tags.add('new')
        s.log.push('z', 'z')
        s.players.get('ada').name.set('Ada')
      })
    })
    const effects = ours.merged.map(({ path, by, effect }) => [path.join('.'), by, effect])
    expect(effects).toEqual([
      ['log', 'both', { kind: 'list', inserted: 2, removed: 1 }],
      ['players.ada.name', 'theirs', { kind: 'value', before: undefined, after: 'Ada' }],
      ['score', 'both', { kind: 'counter', ours: 5, theirs: -2, after: 3 }],
      ['tags', 'both', { kind: 'set', added: ['new'], removed: ['old'] }],
    ])
  })

  it('[HR4] adds to a counter what a schema declares it to begin with, in map entries too', () => {
    const [alice, bob] = [replica('a'), replica('b')]
    const cut = beginCut(alice.store)
    alice.change((s) => s.players.get('ada').hp.add(-5))
    bob.change((s) => s.players.get('ada').hp.add(-2))
    bob.change((s) => s.score.add(1))
    cut.contact(bob.store.version)
    pull(alice, bob)
    const effects = (report: HealReport) => report.merged.map(({ path, effect }) => [path.join('.'), effect])
    expect(alice.snapshot.players.ada?.hp).toBe(93)
    expect(effects(cut.report(World))).toEqual([
      ['players.ada.hp', { kind: 'counter', ours: -5, theirs: -2, after: 93 }],
      ['score', { kind: 'counter', ours: 0, theirs: 1, after: 1 }],
    ])
    expect(effects(cut.report())[0]).toEqual(['players.ada.hp', { kind: 'counter', ours: -5, theirs: -2, after: -7 }])
  })

  it('[HR5] is revised when more of the other side arrives, and says so once it was given out', () => {
    const [alice, bob, carol] = [replica('a'), replica('b'), replica('c')]
    const cut = beginCut(alice.store)
    let revisions = 0
    cut.onRevision(() => revisions++)
    alice.change((s) => s.phase.set('alice'))
    bob.change((s) => s.phase.set('bob'))
    carol.change((s) => s.phase.set('carol'))
    cut.contact(bob.store.version)
    pull(alice, bob)
    expect(cut.report().conflicts.length).toBe(1)
    expect(revisions).toBe(0)
    pull(alice, carol)
    expect(revisions).toBe(1)
    expect(cut.report().conflicts[0]).toMatchObject({ theirs: { value: 'carol' }, result: 'carol' })
    cut.close()
    expect(cut.open).toBe(false)
  })

  it('[HR5] tells of later merges only by their conflicts once the heal is settled', () => {
    const [alice, bob, carol] = [replica('a'), replica('b'), replica('c')]
    const cut = beginCut(alice.store)
    alice.change((s) => s.phase.set('alice'))
    alice.change((s) => s.score.add(5))
    bob.change((s) => s.score.add(2))
    carol.change((s) => s.phase.set('carol'))
    carol.change((s) => s.tags.add('late'))
    cut.contact(bob.store.version)
    pull(alice, bob)
    const first = cut.report()
    cut.settle()
    let revisions = 0
    cut.onRevision(() => revisions++)
    alice.change((s) => s.score.add(100))
    pull(alice, carol)
    const second = cut.report()
    expect(revisions).toBe(1)
    expect(second.conflicts.map(brief)).toEqual([['phase', 'higher-author', 'theirs', 'alice', 'carol', undefined]])
    expect(second.merged).toEqual(first.merged.filter(({ path }) => path[0] !== 'phase'))
    expect(second.ours).toEqual(first.ours)
  })

  for (const by of ['change', 'bundle'] as const) {
    it(`[HR5] counts in a later revision what others did apart and nothing that knew of this side, by ${by}`, () => {
      const [alice, bob, carol] = [replica('a'), replica('b'), replica('c')]
      alice.change((s) => s.phase.set('before'))
      pull(bob, alice)
      pull(carol, alice)
      const cut = beginCut(alice.store)
      alice.change((s) => s.phase.set('alice'))
      const late: Change[] = []
      carol.store.subscribe(({ change, origin }) => {
        if (origin === 'local' && change !== undefined) late.push(change)
      })
      carol.change((s) => s.phase.set('carol'))
      carol.change((s) => s.log.push('x', 'y'))
      cut.contact(bob.store.version)
      expect(cut.report().theirs).toMatchObject({ changes: 0, keys: 0, paths: [] })
      cut.settle()
      // Bob has seen all that alice did: what he writes now is ordinary work.
      pull(bob, alice)
      bob.change((s) => s.tags.add('ordinary'))
      pull(alice, bob)
      if (by === 'bundle') pull(alice, carol)
      else for (const change of late) alice.store.applyChange(change, { bytes: 20 })
      // So is carol's once she has seen it too.
      pull(carol, alice)
      carol.change((s) => s.tags.add('later'))
      for (const change of late.slice(2)) alice.store.applyChange(change, { bytes: 20 })
      const { theirs, conflicts } = cut.report()
      expect(conflicts.length).toBe(1)
      expect(theirs).toMatchObject({ changes: 3, keys: 2, paths: [['log'], ['phase']] })
      expect(theirs.byAuthor).toEqual([{ author: carol.store.author, changes: 3 }])
      expect(theirs.bytes).toBe(by === 'change' ? 40 : 0)
    })
  }
})

describe('a conflict', () => {
  it('[CF1] is noticed as it merges, with both clocks, and a stamp from the future is marked and held back by nobody', () => {
    const [alice, bob] = [replica('a'), replica('b')]
    const conflicts: Conflict[] = []
    alice.subscribe((event) => conflicts.push(...event.conflicts))
    bob.clock.now += 3_600_000
    alice.change((s) => s.phase.set('alice'))
    bob.change((s) => s.phase.set('bob'))
    pull(alice, bob)
    expect(conflicts).toMatchObject([
      {
        rule: 'newer',
        winner: 'theirs',
        ours: { value: 'alice', ahead: false },
        theirs: { value: 'bob', ahead: true },
      },
    ])
    expect((conflicts[0]?.theirs.at ?? 0) - (conflicts[0]?.ours.at ?? 0)).toBeGreaterThan(3_000_000)
    expect(alice.snapshot.phase).toBe('bob')
    // The local clock was not dragged along, and still the next write wins: it had seen the other.
    alice.change((s) => s.phase.set('after'))
    pull(bob, alice)
    expect(bob.snapshot.phase).toBe('after')
    expect(bundleSince(alice.store, bob.store.version).rows).toEqual([])
  })

  it('[CF2] has a loser that can be written back as an ordinary change', () => {
    const [alice, bob] = [replica('a'), replica('b')]
    bob.clock.now += 5_000
    const [report] = apart(alice, bob, () => {
      alice.change((s) => s.phase.set('alice'))
      bob.change((s) => s.phase.set('bob'))
    })
    const [conflict] = report.conflicts as readonly [Conflict]
    expect(reapply(alice.store, conflict)).toBeDefined()
    pull(bob, alice)
    expect(bob.snapshot.phase).toBe('alice')
  })
})
