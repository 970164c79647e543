/**
 * Disks that are copied, put back to backups, shared by tabs and processes, and crash: what must hold all the same.
 *
 * 1. Every change that was told to be at the server is there in the end.
 * 2. So is every change that reached a disk, while that disk exists and was not put back to before it.
 * 3. No change counts twice, and none counts in part.
 * 4. A bounded counter is within its bounds at every replica at every step.
 * 5. Once the weather is calm everybody has the same, is in sync, and has nothing unsaved.
 */
import { bounded, counter, list, map, register, schema, set } from '@rejoin/state'
import type { MemoryDisk, Receipt } from '@rejoin/sync'
import type { SyncRules } from '@rejoin/sync/testing'
import { type DiskImage, imageOf, type Opening, restore, Stage, type Wire } from '../support/stage.ts'

const Shelf = schema({
  entries: set<string>(),
  count: counter(),
  log: list<string>(),
  title: register(''),
  stock: bounded({ initial: 30, max: 60 }),
  readers: map({ name: register(''), pages: counter() }),
})
type Shelf = typeof Shelf

/** A disk of a client, with what it must still have. */
interface Drive {
  readonly disk: MemoryDisk
  /** Entries whose change was told to be on this disk. */
  held: Set<string>
  /** Those that were closed and may still have something to write. */
  closing: Opening<Shelf>[]
  backup: { readonly image: DiskImage; readonly held: ReadonlySet<string> } | undefined
}

interface Client {
  readonly drive: Drive
  readonly server: Wire
  readonly opening: Opening<Shelf>
}

/** What a run did, and what is wrong, in words. */
export interface CopiesRun {
  readonly faults: string[]
  readonly done: Readonly<Record<Deed, number>> & { readonly acknowledged: number; readonly healMs: number }
}

const deeds = ['write', 'cut', 'restoreWire', 'tab', 'process', 'close', 'crash', 'powerCut', 'backup'] as const
const rareDeeds = ['rollBack', 'copy', 'serverCrash'] as const
type Deed = (typeof deeds)[number] | (typeof rareDeeds)[number]

const maxDrives = 5
const maxClients = 10
const limits = { rowsBeforeCompaction: 12, keptChanges: 10 }

/** Plays one seed; by broken rules only to show that it is noticed. */
export function playCopies(seed: number, steps = 150, rules: Partial<SyncRules> = {}): CopiesRun {
  const run = new Copies(seed, rules)
  for (let step = 0; step < steps; step++) run.step()
  return run.finish()
}

class Copies {
  readonly #stage: Stage<Shelf>
  readonly #drives: Drive[] = []
  #clients: Client[] = []
  readonly #serverDisk: MemoryDisk
  #server: Opening<Shelf>
  /** Entries that a server was said to have, and what each change did to the stock. */
  readonly #acknowledged = new Set<string>()
  readonly #stockBy = new Map<string, number>()
  readonly #faults: string[] = []
  readonly #done = Object.fromEntries([...deeds, ...rareDeeds].map((deed) => [deed, 0])) as Record<Deed, number>
  #written = 0

  constructor(seed: number, rules: Partial<SyncRules>) {
    this.#stage = new Stage(Shelf, seed, { flushMs: [1, 40], rules })
    this.#serverDisk = this.#stage.disk()
    this.#server = this.#openServer([])
    for (let i = 0; i < 2; i++) this.#open(this.#newDrive(), 'process')
  }

  step(): void {
    const { random } = this.#stage
    const deed = random.chance(0.55) ? 'write' : random.chance(0.75) ? random.pick(deeds) : random.pick(rareDeeds)
    this.#carryOut(deed)
    // Often at once, so that things end while others are under way.
    if (random.chance(0.7)) this.#stage.advance(random.chance(0.1) ? random.between(0, 20_000) : random.between(0, 150))
    this.#checkBounds()
  }

  finish(): CopiesRun {
    // Whoever has a disk open does not look for what a crashed neighbour left there; the next opening does.
    for (const drive of this.#drives) this.#open(drive, 'process')
    for (const { server, opening } of this.#clients) {
      server.restore()
      opening.net.reconnect()
    }
    const calmFrom = this.#stage.nowMs
    while (this.#unsettled().length > 0 && this.#stage.nowMs < calmFrom + 300_000) this.#stage.advance(1000)
    this.#faults.push(...this.#unsettled())
    this.#checkBounds()
    this.#checkContent()
    const healMs = this.#stage.nowMs - calmFrom
    return { faults: this.#faults, done: { ...this.#done, acknowledged: this.#acknowledged.size, healMs } }
  }

  #carryOut(deed: Deed): void {
    const { random } = this.#stage
    const client = random.pick(this.#clients)
    const { drive } = client
    switch (deed) {
      case 'write':
        this.#write(client)
        return
      case 'cut':
        client.server.cut()
        break
      case 'restoreWire':
        client.server.restore()
        break
      case 'tab':
      case 'process':
        if (this.#clients.length >= maxClients) return
        this.#open(random.pick(this.#drives), deed)
        break
      case 'close':
      case 'crash':
        this.#end(client, deed)
        break
      case 'powerCut':
        this.#powerCut(drive)
        break
      case 'backup':
        drive.backup = { image: imageOf(drive.disk), held: new Set(drive.held) }
        break
      case 'rollBack':
        if (drive.backup === undefined) return
        this.#powerCut(drive)
        restore(drive.disk, drive.backup.image)
        drive.held = new Set(drive.backup.held)
        break
      case 'copy':
        if (this.#drives.length >= maxDrives || this.#clients.length >= maxClients) return
        this.#open(this.#newDrive(drive), 'process')
        break
      case 'serverCrash':
        this.#server.crash()
        this.#serverDisk.crash()
        this.#server = this.#openServer(this.#clients.map(({ server }) => server))
    }
    this.#done[deed] += 1
    // Somebody must be there to go on.
    if (this.#clients.length === 0) this.#open(random.pick(this.#drives), 'process')
  }

  #openServer(wires: readonly Wire[]): Opening<Shelf> {
    const disk = this.#serverDisk
    return this.#stage.open({ name: 'server', disk, role: 'server', limits, listens: wires })
  }

  #newDrive(from?: Drive): Drive {
    const disk = this.#stage.disk(from === undefined ? undefined : imageOf(from.disk))
    const drive: Drive = { disk, held: new Set(from?.held), closing: [], backup: undefined }
    this.#drives.push(drive)
    return drive
  }

  #open(drive: Drive, as: 'tab' | 'process'): void {
    const number = this.#done.tab + this.#done.process + this.#done.copy
    const name = `${as} ${number} of disk ${this.#drives.indexOf(drive)}`
    const server = this.#stage.wire(`${name} to the server`)
    if (this.#stage.random.chance(0.2)) server.cut()
    this.#server.listen(server)
    const dials = [server]
    for (const other of this.#clients) {
      if (other.drive !== drive || as === 'process') continue
      const wire = this.#stage.wire(`${name} to ${other.opening.name}`)
      other.opening.listen(wire)
      dials.push(wire)
    }
    this.#clients.push({ drive, server, opening: this.#stage.open({ name, disk: drive.disk, limits, dials }) })
  }

  #end(client: Client, how: 'close' | 'crash'): void {
    client.opening[how]()
    client.drive.closing.push(client.opening)
    this.#clients = this.#clients.filter((other) => other !== client)
  }

  #powerCut(drive: Drive): void {
    for (const client of this.#clients) if (client.drive === drive) this.#end(client, 'crash')
    for (const opening of drive.closing.splice(0)) opening.crash()
    drive.disk.crash()
  }

  /** One change to four fields, told apart by its entry; sometimes it takes from the stock, or adds to it. */
  #write({ drive, opening }: Client): void {
    const { random } = this.#stage
    const { document } = opening
    this.#written += 1
    this.#done.write += 1
    const entry = `e${this.#written}`
    let stock = 0
    const receipt = document.change((draft) => {
      draft.entries.add(entry)
      draft.count.add(1)
      draft.log.insert(random.int(draft.log.length + 1), entry)
      if (random.chance(0.3)) draft.title.set(entry)
      if (random.chance(0.3)) draft.readers.get(`r${random.int(3)}`).pages.add(1)
      const [spend, room] = [draft.stock.spendable(), draft.stock.room()]
      if (random.chance(0.4)) draft.stock.ask({ spend: random.int(4), room: random.int(4) })
      else if (random.chance(0.5) && spend > 0) {
        stock = -1 - random.int(spend)
        draft.stock.subtract(-stock)
      } else if (room > 0) {
        stock = 1 + random.int(room)
        draft.stock.add(stock)
      }
    })
    this.#stockBy.set(entry, stock)
    this.#follow(entry, receipt, drive)
  }

  #follow(entry: string, receipt: Receipt, drive: Drive): void {
    const ignore = (): void => {}
    receipt.reached('disk').then(() => drive.held.add(entry), ignore)
    receipt.reached('server').then(() => this.#acknowledged.add(entry), ignore)
  }

  #checkBounds(): void {
    for (const { name, document } of [this.#server, ...this.#clients.map(({ opening }) => opening)]) {
      const { stock } = document.snapshot
      if (stock < 0 || stock > 60) this.#faults.push(`${name}: the stock is ${stock}`)
    }
  }

  /** Who is not where all should be once it is calm. */
  #unsettled(): string[] {
    const { document } = this.#server
    return this.#clients.flatMap(({ opening }) => {
      const { name, document: own, net } = opening
      return [
        ...(own.version.equals(document.version) ? [] : [`${name}: has another version than the server`]),
        ...(own.digest() === document.digest() ? [] : [`${name}: has another digest than the server`]),
        ...(net.link.state === 'synced' ? [] : [`${name}: is ${net.link.state}`]),
        ...(own.unsaved.changes === 0 ? [] : [`${name}: has ${own.unsaved.changes} unsaved`]),
      ]
    })
  }

  #checkContent(): void {
    const { snapshot } = this.#server.document
    const there = new Set(snapshot.entries)
    const text = JSON.stringify(snapshot)
    for (const { opening } of this.#clients) {
      if (JSON.stringify(opening.document.snapshot) !== text) this.#faults.push(`${opening.name}: reads something else`)
    }
    const lost = (what: string, entries: Iterable<string>): void => {
      const missing = [...entries].filter((entry) => !there.has(entry))
      if (missing.length > 0) this.#faults.push(`lost although ${what}: ${missing.join(' ')}`)
    }
    lost('it was at the server', this.#acknowledged)
    for (const [index, { held }] of this.#drives.entries()) lost(`it was on disk ${index}`, held)
    const { count, log, entries } = snapshot
    if (count !== entries.length) this.#faults.push(`${entries.length} entries count as ${count}`)
    if ([...log].sort().join() !== [...entries].sort().join()) this.#faults.push('the log is not what the entries are')
    const stock = entries.reduce((sum, entry) => sum + (this.#stockBy.get(entry) ?? 0), 30)
    if (snapshot.stock !== stock) this.#faults.push(`the stock is ${snapshot.stock}, its changes make ${stock}`)
  }
}
