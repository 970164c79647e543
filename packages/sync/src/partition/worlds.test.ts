import { type FencingToken, fenced, schema, set } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import type { DocumentHandle, Receipt } from '../index.ts'
import { seededRandom } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import type { Lease } from './leases.ts'
import { isQuorum } from './policy.ts'
import type { Policy } from './roster.ts'

const Match = schema({ round: fenced(0, { lease: 'round' }), entries: set<string>() })
const ttlMs = 5000
const stepMs = 250
const outagesMs = [1000, 31_000, 91_000]

type Handle = DocumentHandle<typeof Match>

/** Servers that vote, a document that all of them write, and one lease that all of them want. */
class Voters {
  readonly cluster: Cluster
  readonly names: readonly string[]
  readonly seed: number
  readonly random: () => number
  readonly handles = new Map<string, Handle>()
  readonly leases = new Map<string, Lease>()
  readonly acknowledged: string[] = []
  /** What callbacks found. */
  readonly faults: string[] = []
  readonly #rounds = new Map<number, string>()
  #entries = 0
  #last: FencingToken | undefined
  #held = 0

  constructor(seed: number) {
    const source = seededRandom(seed)
    this.seed = seed
    this.random = () => source.float()
    this.names = 'abcde'.slice(0, 3 + this.#below(3)).split('')
    const policies: Policy[] = [{ kind: 'keep-majority' }, { kind: 'two-thirds' }, { kind: 'keep-oldest' }]
    this.cluster = new Cluster(this.names, { policy: this.#pick(policies) }, { maxTtlMs: ttlMs })
    for (const name of this.names) this.#open(name)
  }

  get heldShare(): number {
    return this.#held
  }

  #below(count: number): number {
    return Math.floor(this.random() * count)
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)] as T
  }

  #open(name: string): void {
    const { participant, watch } = this.cluster.node(name)
    participant.replica.open('match', Match).then((handle) => this.handles.set(name, handle))
    watch.lease({ name: 'match' }, 'round').then((lease) => this.leases.set(name, lease))
  }

  /** Time goes by, with writes at all, and with what must hold looked at each quarter of a second. */
  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.cluster.world.advance(stepMs)
      this.#check()
      if (this.random() < 0.2) this.#write()
    }
  }

  get rounds(): number {
    return this.#rounds.size
  }

  #check(): void {
    const [fault] = this.faults
    if (fault !== undefined) throw new Error(fault)
    const holders = [...this.leases].filter(([, lease]) => lease.token !== undefined)
    if (holders.length > 1) throw new Error(`seed ${this.seed}: held by ${holders.map(([name]) => name).join(' and ')}`)
    const token = holders[0]?.[1].token
    if (token === undefined) return
    this.#held += 1
    const { epoch, ballot } = this.#last ?? token
    if (token.epoch < epoch || (token.epoch === epoch && token.ballot < ballot))
      throw new Error(`seed ${this.seed}: a token fell from ${ballot} to ${token.ballot}`)
    this.#last = token
  }

  #write(): void {
    const name = this.#pick([...this.handles.keys()])
    const handle = this.handles.get(name) as Handle
    const entry = `${name} ${this.#entries++}`
    const token = this.leases.get(name)?.token
    const receipt = handle.change(
      (draft) => {
        draft.entries.add(entry)
        if (token !== undefined) draft.round.set(draft.round.get() + 1)
      },
      token === undefined ? {} : { token },
    )
    if (token !== undefined) this.#began(name, handle, receipt)
    receipt.reached('disk').then(
      () => this.acknowledged.push(entry),
      () => undefined,
    )
  }

  /** A round that a quorum has stored was begun: nobody begins it again. */
  #began(name: string, handle: Handle, receipt: Receipt): void {
    const { round } = handle.snapshot
    const who = `${name} ${receipt.change?.seq}`
    this.leases
      .get(name)
      ?.reached(receipt)
      .then(
        () => {
          const by = this.#rounds.get(round)
          if (by !== undefined) this.faults.push(`seed ${this.seed}: round ${round} was begun by ${by} and by ${who}`)
          this.#rounds.set(round, who)
        },
        () => undefined,
      )
  }

  /** What goes wrong: one of the shapes in which networks break. */
  breakSomething(): () => void {
    const { cluster, names } = this
    const shuffled = [...names].sort(() => this.random() - 0.5)
    const some = 1 + this.#below(names.length - 1)
    const [left, right] = [shuffled.slice(0, some).join(''), shuffled.slice(some).join('')]
    const cut = (a: string, b: string): (() => void) => {
      cluster.between(a, b, true)
      return () => cluster.between(a, b, false)
    }
    switch (this.#below(6)) {
      case 0:
        return cut(left, right)
      case 1:
        return cut(shuffled[0] as string, shuffled.slice(1).join(''))
      case 2: {
        // A bridge: one of them reaches both sides.
        const [bridge = '', ...rest] = shuffled
        const half = Math.ceil(rest.length / 2)
        const heal = cut(rest.slice(0, half).join(''), rest.slice(half).join(''))
        return bridge === '' ? () => undefined : heal
      }
      case 3: {
        // A ring: each reaches its neighbours only.
        const heals = shuffled.flatMap((one, at) =>
          shuffled.flatMap((other, to) => {
            const distance = Math.min(Math.abs(at - to), names.length - Math.abs(at - to))
            return at < to && distance > 1 ? [cut(one, other)] : []
          }),
        )
        return () => {
          for (const heal of heals) heal()
        }
      }
      case 4: {
        // Black holes: nobody is told that anything ended.
        const links = [...cluster.links].filter(([pair]) => {
          const [a = '', b = ''] = pair.split('-')
          return left.includes(a) !== left.includes(b)
        })
        for (const [, link] of links) link.silent = true
        return () => {
          for (const [, link] of links) {
            link.silent = false
            // What was swallowed is gone: no link that promises to lose nothing goes on after that.
            link.cut()
            link.restore()
          }
        }
      }
      default: {
        const name = shuffled[0] as string
        this.handles.delete(name)
        this.leases.delete(name)
        cluster.node(name).participant.replica.close()
        return () => {
          cluster.start(name, { isFounding: false })
          this.#open(name)
        }
      }
    }
  }

  flap(): void {
    for (let turn = 0; turn < 20; turn++) {
      const heal = this.cluster
      heal.between(this.names[0] as string, this.names.slice(1).join(''), turn % 2 === 0)
      this.cluster.world.advance(100)
      this.#check()
    }
  }

  play(): void {
    this.run(15_000)
    for (let incident = 1 + this.#below(2); incident > 0; incident--) {
      const heal = this.breakSomething()
      this.run(this.#pick(outagesMs))
      if (this.random() < 0.2) this.flap()
      heal()
      this.cluster.between(this.names.join(''), this.names.join(''), false)
      this.run(this.#below(20_000))
    }
    this.healed()
  }

  healed(): void {
    const { cluster } = this
    const isFull = (): boolean => cluster.nodes.every(({ watch }) => watch.status.verdict?.mode === 'full')
    for (let waited = 0; !isFull(); waited += stepMs) {
      if (waited > 65_000) throw new Error(`seed ${this.seed}: not healed after 65 s: ${cluster.modes()}`)
      this.run(stepMs)
    }
    const isClosed = (): boolean => cluster.nodes.every(({ watch }) => watch.status.open.length === 0)
    for (let waited = 0; !isClosed(); waited += 1000) {
      if (waited > 120_000) {
        const open = cluster.nodes.flatMap(({ name, watch }) =>
          watch.status.open.map(({ phase }) => `${name} ${phase}`),
        )
        throw new Error(`seed ${this.seed}: incidents stay open: ${open.join(', ')}`)
      }
      cluster.world.advance(1000)
    }
    const quorum = isQuorum(cluster.roster, new Set(this.names))
    const isHeld = (): boolean => !quorum || [...this.leases.values()].some(({ token }) => token !== undefined)
    for (let waited = 0; !isHeld(); waited += stepMs) {
      if (waited > 60_000) throw new Error(`seed ${this.seed}: nobody holds the lease a minute after all was well`)
      cluster.world.advance(stepMs)
      this.#check()
    }
    cluster.world.advance(10_000)
    const states = new Set([...this.handles.values()].map((handle) => handle.digest()))
    if (states.size !== 1) throw new Error(`seed ${this.seed}: ${states.size} different states`)
    const entries = new Set([...this.handles.values()][0]?.snapshot.entries ?? [])
    const lost = this.acknowledged.filter((entry) => !entries.has(entry))
    if (lost.length > 0) throw new Error(`seed ${this.seed}: lost ${lost.join(', ')}`)
  }
}

describe('voters in networks that break', () => {
  it(
    '[PL9] never hold a lease twice, heal by themselves within 65 s, lose nothing, and close what was wrong',
    () => {
      const isSoak = process.env['SOAK'] === '1'
      const from = Number(process.env['SEED'] ?? 1)
      const count = Number(process.env['SEEDS'] ?? (isSoak ? 20_000 : 25))
      let held = 0
      let rounds = 0
      const faults: string[] = []
      for (let seed = from; seed < from + count; seed++) {
        const voters = new Voters(seed)
        try {
          voters.play()
        } catch (error) {
          faults.push(error instanceof Error ? error.message : String(error))
          if (!isSoak) throw error
        }
        held += voters.heldShare
        rounds += voters.rounds
        for (const { participant } of voters.cluster.nodes) participant.replica.close()
      }
      if (isSoak)
        console.log(
          `${count} worlds from ${from}, ${faults.length} faults, held in ${held} quarter seconds, ${rounds} rounds`,
          faults,
        )
      expect(faults).toEqual([])
      expect(held).toBeGreaterThan(count * 40)
      expect(rounds).toBeGreaterThan(count * 2)
    },
    6 * 3_600_000,
  )
})
