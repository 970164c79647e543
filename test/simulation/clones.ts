/**
 * Machines that are cloned while they run, by seed: both go on, write, lose and find their way to the server, are closed and
 * opened again, and are cloned once more. The other kinds of copies, which need no looking for, are in `copies.ts`.
 */
import { counter, list, register, schema, set } from '@rejoin/state'
import type { MemoryDisk } from '@rejoin/sync'
import type { SyncRules } from '@rejoin/sync/testing'
import { type Opening, Stage, type Wire } from '../support/stage.ts'

const Desk = schema({ entries: set<string>(), count: counter(), title: register(''), log: list<string>() })
type Desk = typeof Desk

/** A machine: a disk and who has it open. */
interface Machine {
  readonly name: string
  readonly server: Wire
  readonly disk: MemoryDisk
  opening: Opening<Desk>
  /** Authors that its applications were told of. */
  readonly told: Set<string>
  readonly handedOver: Set<string>
}

/** What a run did, and what is wrong, in words. */
export interface ClonesRun {
  readonly faults: string[]
  readonly done: Readonly<Record<Deed, number>> & {
    readonly forks: number
    readonly handedOver: number
    readonly acknowledged: number
  }
}

const deeds = ['write', 'burst', 'cut', 'restore', 'clone', 'reopen', 'serverCrash'] as const
type Deed = (typeof deeds)[number]

const maxMachines = 6

/** Plays one seed; by broken rules only to show that it is noticed. */
export function playClones(seed: number, steps = 80, rules: Partial<SyncRules> = {}): ClonesRun {
  const run = new Clones(seed, rules)
  for (let step = 0; step < steps; step++) run.step()
  return run.finish()
}

class Clones {
  readonly #stage: Stage<Desk>
  readonly #machines: Machine[] = []
  readonly #serverDisk: MemoryDisk
  #server: Opening<Desk>
  readonly #acknowledged = new Set<string>()
  /** Entries that were handed to the application of a machine: to several, where unsent work was cloned and nobody brought it. */
  readonly #handedOver = new Set<string>()
  /** What was written under a dot, by which machines. */
  readonly #writesAt = new Map<string, { readonly machine: Machine; readonly entry: string }[]>()
  /** Authors that were going on when their machine was cloned. */
  readonly #cloned = new Set<string>()
  readonly #faults: string[] = []
  readonly #done = Object.fromEntries(deeds.map((deed) => [deed, 0])) as Record<Deed, number>
  readonly #limits: { readonly rowsBeforeCompaction: number }
  #written = 0

  constructor(seed: number, rules: Partial<SyncRules>) {
    this.#stage = new Stage(Desk, seed, { flushMs: [1, 20], rules })
    this.#limits = { rowsBeforeCompaction: this.#stage.random.pick([8, 30, 512]) }
    this.#serverDisk = this.#stage.disk()
    this.#server = this.#openServer()
    for (const name of ['ada', 'bob']) this.#add(name)
  }

  step(): void {
    const { random } = this.#stage
    const deed = random.chance(0.5) ? random.pick(['write', 'burst'] as const) : random.pick(deeds)
    this.#carryOut(deed, random.pick(this.#machines))
    // Two clones that write in the same millisecond, with the same counter, are the one thing that cannot be told apart.
    this.#stage.advance(random.chance(0.1) ? random.between(1000, 20_000) : random.between(1, 120))
  }

  finish(): ClonesRun {
    for (const { server, opening } of this.#machines) {
      server.restore()
      opening.net.reconnect()
    }
    const until = this.#stage.nowMs + 300_000
    // Notices are heard once a minute.
    this.#stage.advance(130_000)
    while (this.#unsettled().length > 0 && this.#stage.nowMs < until) this.#stage.advance(1000)
    this.#faults.push(...this.#unsettled())
    this.#checkContent()
    const forks = this.#checkTold()
    const counts = { forks, handedOver: this.#handedOver.size, acknowledged: this.#acknowledged.size }
    return { faults: this.#faults, done: { ...this.#done, ...counts } }
  }

  #carryOut(deed: Deed, machine: Machine): void {
    const { random } = this.#stage
    switch (deed) {
      case 'write':
        this.#write(machine)
        break
      case 'burst':
        for (let left = 1 + random.int(4); left > 0; left--) this.#write(machine)
        break
      case 'cut':
        machine.server.cut()
        break
      case 'restore':
        machine.server.restore()
        break
      case 'clone':
        if (this.#machines.length >= maxMachines) return
        this.#add(`${machine.name}+`, machine)
        break
      case 'reopen':
        machine.opening.close()
        this.#stage.advance(100)
        this.#follow(machine, this.#stage.open({ ...this.#setup(machine), disk: machine.disk }))
        break
      case 'serverCrash':
        this.#server.crash()
        this.#serverDisk.crash()
        this.#server = this.#openServer()
    }
    this.#done[deed] += 1
  }

  #openServer(): Opening<Desk> {
    const listens = this.#machines.map(({ server }) => server)
    return this.#stage.open({ name: 'server', disk: this.#serverDisk, role: 'server', limits: this.#limits, listens })
  }

  #setup({ name, server }: Pick<Machine, 'name' | 'server'>): { name: string; dials: Wire[]; limits: object } {
    return { name, dials: [server], limits: this.#limits }
  }

  #add(name: string, of?: Machine): void {
    const server = this.#stage.wire(`${name} to the server`)
    if (this.#stage.random.chance(0.5)) server.cut()
    this.#server.listen(server)
    const setup = this.#setup({ name, server })
    const author = of?.opening.document.store.author
    if (author !== undefined) this.#cloned.add(author)
    const opening =
      of === undefined ? this.#stage.open({ ...setup, disk: this.#stage.disk() }) : this.#stage.clone(of.opening, setup)
    const machine: Machine = { name, server, disk: opening.disk, opening, told: new Set(), handedOver: new Set() }
    this.#machines.push(machine)
    this.#follow(machine, opening)
  }

  #follow(machine: Machine, opening: Opening<Desk>): void {
    machine.opening = opening
    opening.replica.onForked(({ author }) => {
      machine.told.add(author)
      if (!this.#cloned.has(author)) this.#faults.push(`${machine.name}: a false alarm of ${author}`)
    })
    opening.document.onRefused(({ code, changes }) => {
      if (code !== 'author-forked') this.#faults.push(`${machine.name}: ${code}`)
      for (const { writes } of changes) {
        for (const { path, member } of writes)
          if (path[0] === 'entries') this.#handOver(machine, String(member).slice(1))
      }
    })
  }

  #handOver(machine: Machine, entry: string): void {
    if (machine.handedOver.has(entry)) this.#faults.push(`${machine.name}: ${entry} was handed over twice`)
    machine.handedOver.add(entry)
    this.#handedOver.add(entry)
  }

  #write(machine: Machine): void {
    const { random } = this.#stage
    this.#written += 1
    const entry = `e${this.#written}`
    const receipt = machine.opening.document.change((draft) => {
      draft.entries.add(entry)
      draft.count.add(1)
      if (random.chance(0.5)) draft.title.set(entry)
      if (random.chance(0.5)) draft.log.insert(random.int(draft.log.length + 1), entry, `${entry}b`)
    })
    const dot = `${receipt.change?.author}/${receipt.change?.seq}`
    this.#writesAt.set(dot, [...(this.#writesAt.get(dot) ?? []), { machine, entry }])
    receipt.reached('server').then(
      () => this.#acknowledged.add(entry),
      () => {},
    )
  }

  #unsettled(): string[] {
    const { document, replica } = this.#server
    return this.#machines.flatMap(({ opening: { name, document: own, net, replica: theirs } }) => [
      ...(own.version.equals(document.version) ? [] : [`${name}: has another version than the server`]),
      ...(own.digest() === document.digest() ? [] : [`${name}: has another digest than the server`]),
      ...(net.link.state === 'synced' ? [] : [`${name}: is ${net.link.state}`]),
      ...(own.unsaved.changes === 0 ? [] : [`${name}: has ${own.unsaved.changes} unsaved`]),
      ...(theirs.metrics().divergences + replica.metrics().divergences === 0 ? [] : [`${name}: diverged`]),
      ...(theirs.metrics().malformedFrames === 0 ? [] : [`${name}: was sent what breaks the protocol`]),
    ])
  }

  #checkContent(): void {
    const { snapshot } = this.#server.document
    const there = new Set(snapshot.entries)
    for (const entry of this.#acknowledged) if (!there.has(entry)) this.#faults.push(`acknowledged and lost: ${entry}`)
    for (let n = 1; n <= this.#written; n++) {
      const entry = `e${n}`
      if (there.has(entry) === this.#handedOver.has(entry)) {
        this.#faults.push(there.has(entry) ? `there and handed over: ${entry}` : `gone without a word: ${entry}`)
      }
    }
    if (snapshot.count !== snapshot.entries.length) {
      this.#faults.push(`${snapshot.entries.length} entries count as ${snapshot.count}`)
    }
  }

  /**
   * Whoever wrote where another did was told, unless neither has come to a server, as both fell back for another reason. Answers
   * how many dots were written by two.
   */
  #checkTold(): number {
    let forks = 0
    const there = new Set(this.#server.document.snapshot.entries)
    for (const [dot, writes] of this.#writesAt) {
      if (writes.length < 2 || !writes.some(({ entry }) => there.has(entry))) continue
      forks += 1
      const [author = ''] = dot.split('/')
      for (const { machine } of writes) {
        if (!machine.told.has(author)) this.#faults.push(`${machine.name} was not told of ${author}`)
      }
    }
    return forks
  }
}
