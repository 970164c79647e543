import { describe, expect, it } from 'vitest'
import { Cluster } from './partition/cluster.test-helper.ts'
import { voters, want } from './partition/leases.test-helper.ts'
import { star } from './world.test-helper.ts'

describe('what a listener causes is told after what it was caused by, to whoever listens for the same', () => {
  it('[SY64] as changes of a document', () => {
    const { handles } = star(1)
    const handle = handles[0]
    const heard: (number | undefined)[] = []
    const hear = (): void => {
      handle?.subscribe(({ change }) => heard.push(change?.seq))
    }
    hear()
    handle?.subscribe(() => {
      if (handle.snapshot.phase === 'fight') handle.change((draft) => draft.phase.set('won'))
    })
    hear()
    handle?.change((draft) => draft.phase.set('fight'))
    expect(heard).toEqual([1, 1, 2, 2])
  })

  it('[SY65] with an end, also where it always causes more: that is an error of the app, which goes on', () => {
    const logged: string[] = []
    const { world, handles } = star(1, { client: { onLog: ({ event }) => logged.push(event) } })
    const handle = handles[0]
    const off = handle?.subscribe(() => {
      handle.change((draft) => draft.potions.add(1))
    })
    handle?.change((draft) => draft.potions.add(1))
    off?.()
    expect(logged).toContain('listeners-without-end')
    expect(handle?.snapshot.potions).toBe(1011)
    const heard: unknown[] = []
    handle?.subscribe((event) => heard.push(event))
    handle?.change((draft) => draft.potions.add(1))
    expect(heard).toHaveLength(1)
    world.advance(1000)
    expect(handle?.unsaved.changes).toBe(0)
  })

  it('[SY65] but may do so many times', () => {
    const { handles } = star(1)
    const handle = handles[0]
    let heard = 0
    handle?.subscribe(() => {
      heard += 1
      if (heard < 900) handle.change((draft) => draft.potions.add(1))
    })
    handle?.change((draft) => draft.potions.add(1))
    expect(heard).toBe(900)
  })

  it('[SY64] as what becomes of a lease', () => {
    const cluster = voters()
    const { lease, told } = want(cluster, 'a')
    const heard: string[] = []
    lease.onChange(({ kind }) => {
      if (kind === 'usable') lease.release()
    })
    lease.onChange(({ kind }) => heard.push(kind))
    cluster.world.advance(10_000)
    expect(heard).toEqual(['usable', 'lost'])
    expect(told).toEqual(heard)
  })

  it('[SY64] as incidents', () => {
    const cluster = voters()
    const { watch } = cluster.node('a')
    const heard: string[] = []
    watch.onIncident((_, what) => {
      if (what === 'opened') watch.dismiss('planned')
    })
    watch.onIncident((_, what) => heard.push(what))
    cluster.between('a', 'bc', true)
    cluster.until('it is noticed', () => heard.length > 1, 60)
    expect(heard.slice(0, 2)).toEqual(['opened', 'closed'])
  })

  it('[SY64] as verdicts', () => {
    const cluster = new Cluster(['a'])
    cluster.world.advance(40_000)
    const { watch } = cluster.node('a')
    const heard: number[] = []
    watch.onVerdict(({ roster: { epoch, ...roster } }) => {
      if (epoch < 4) watch.propose(roster)
    })
    watch.onVerdict(({ roster }) => heard.push(roster.epoch))
    watch.propose(cluster.roster)
    cluster.until('the last one is in force', () => heard.includes(4), 60)
    expect(heard).toEqual([...heard].sort())
  })
})
