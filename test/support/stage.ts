import { createNodeTime, createRandom, createScheduler, type NodeTime, type RandomStream } from '@rejoin/sim'
import type { Schema } from '@rejoin/state'
import {
  connect,
  createMemoryDisk,
  type DocumentHandle,
  deferred,
  type ForkEvent,
  type HealEvent,
  type ListenHost,
  type ListenTransport,
  type MemoryDisk,
  type MemoryLink,
  memoryLink,
  type Net,
  type RefusedContent,
  type Replica,
  type ReplicaOptions,
  type Storage,
} from '@rejoin/sync'
import { cloneMemory, createReplicaWith, type SyncRules, soundSyncRules } from '@rejoin/sync/testing'
import { atOnce } from '@rejoin/sync/world.test-helper'

/** Rows of a disk at one moment. */
export type DiskImage = ReadonlyMap<string, Uint8Array>

/** A way between two, which can be cut. */
export interface Wire {
  readonly link: MemoryLink
  readonly isCut: boolean
  cut(): void
  restore(): void
  /** Breaks what goes over it now, and leaves it as it is. */
  hangUp(): void
}

/** One opening of a replica on a disk, with the document open; `isUp` until it is closed or crashes. */
export interface Opening<S extends Schema> {
  readonly name: string
  readonly disk: MemoryDisk
  readonly time: NodeTime
  readonly replica: Replica
  readonly document: DocumentHandle<S>
  readonly net: Net
  /** What the heals since the last look brought. */
  readonly healed: HealEvent[]
  /** Authors of this opening under which somebody else was found to write. */
  readonly forked: ForkEvent[]
  /** What it was handed back, as no server takes it. */
  readonly refused: RefusedContent[]
  readonly isUp: boolean
  /** Lets itself be dialled on one more way. */
  listen(wire: Wire): void
  /** Ends as it should: its last words reach the disk. */
  close(): void
  /** Ends without a word, also while it closes. What it handed to its disk may still land there. */
  crash(): void
}

export interface OpeningOptions {
  readonly name: string
  readonly disk: MemoryDisk
  readonly role?: ReplicaOptions['role']
  readonly limits?: ReplicaOptions['limits']
  /** How far its wall clock is ahead. */
  readonly skewMs?: number
  /** Ways to others that it dials, and on which it is dialled. */
  readonly dials?: readonly Wire[]
  readonly listens?: readonly Wire[]
}

export interface StageOptions {
  /** A batch is durable so long after it was handed in; default at once. */
  readonly flushMs?: readonly [number, number]
  /** Broken ones, for tests that must notice. */
  readonly rules?: Partial<SyncRules>
}

/** Replicas over memory disks and links in virtual time, as a user would put them together. One seed makes the whole run. */
export class Stage<S extends Schema> {
  readonly random: RandomStream
  readonly #schema: S
  readonly #rules: SyncRules
  readonly #scheduler = createScheduler()
  readonly #flushMs: readonly [number, number] | undefined
  #openings = 0

  constructor(schema: S, seed: number, options: StageOptions = {}) {
    this.#schema = schema
    this.#rules = { ...soundSyncRules, ...options.rules }
    this.random = createRandom(seed)
    this.#flushMs = options.flushMs
  }

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return this.#scheduler.nowMs
  }

  /** Runs everything due within `ms`. */
  advance(ms: number): void {
    const until = this.#scheduler.nowMs + ms
    for (let steps = 0; (this.#scheduler.nextAtMs() ?? Number.POSITIVE_INFINITY) <= until; steps++) {
      if (steps > 2_000_000) throw new Error('time does not advance: timers fire for ever')
      this.#scheduler.step()
    }
    this.#scheduler.advanceTo(until)
  }

  /** A disk, empty or with the rows of an image. */
  disk(image: DiskImage = new Map()): MemoryDisk {
    const disk = createMemoryDisk({ autoFlush: this.#flushMs === undefined })
    restore(disk, image)
    return disk
  }

  /** A way of 5 ms each way. */
  wire(name: string): Wire {
    const timers = {
      set: (delayMs: number, fire: () => void) => this.#scheduler.after(delayMs, fire),
      clear: () => {},
    }
    const link = memoryLink({ name, timers, latencyMs: 5 })
    let isCut = false
    const set = (cut: boolean): void => {
      isCut = cut
      if (cut) link.cut()
      else link.restore()
    }
    return {
      link,
      get isCut() {
        return isCut
      },
      cut: () => set(true),
      restore: () => set(false),
      hangUp: () => {
        link.cut()
        set(isCut)
      },
    }
  }

  /** Opens a replica and its document. */
  open(options: OpeningOptions): Opening<S> {
    const { name, disk, role = 'client', limits = {}, skewMs = 0, dials = [], listens = [] } = options
    this.#openings += 1
    const time = createNodeTime(this.#scheduler, { skewMs, drift: 0 })
    const { storage, die } = this.#mortal(disk)
    const random = this.random.stream(`opening/${this.#openings}`)
    const { clock, timers } = time
    const onLog: ReplicaOptions['onLog'] = ({ event, details }) => {
      if (
        event === 'protocol-error' ||
        event === 'author-forked' ||
        event === 'replaced-by-twin' ||
        event === 'fell-back'
      )
        console.log(name, this.nowMs, event, JSON.stringify(details))
      if (event === 'internal-error') throw new Error(`a bug came to light: ${String(details['error'])}`)
    }
    const replica = createReplicaWith(this.#rules, { clock, timers, random, storage, role, limits, name, onLog })
    const { transport, listen, stop } = switchboard(listens)
    const net = connect(replica, { transports: [...dials.map(({ link }) => link.dial), transport] })
    const healed: HealEvent[] = []
    net.onHealed((event) => healed.push(event))
    const forked: ForkEvent[] = []
    replica.onForked((event) => forked.push(event))
    const document = atOnce(replica.open('scene', this.#schema))
    const refused: RefusedContent[] = []
    document.onRefused((content) => refused.push(content))
    let isUp = true
    return {
      ...{ name, disk, time, replica, document, net, healed, forked, refused, listen },
      get isUp() {
        return isUp
      },
      close: () => {
        isUp = false
        replica.close()
      },
      crash: () => {
        isUp = false
        time.stop()
        die()
        stop()
        for (const wire of dials) wire.hangUp()
      },
    }
  }

  /** Clones the machine of an opening as it is now, with its memory and its disk. Both go on; the clone dials anew. */
  clone(of: Opening<S>, options: Omit<OpeningOptions, 'disk'>): Opening<S> {
    const clone = this.open({ ...options, disk: this.disk(imageOf(of.disk)) })
    cloneMemory(of.replica, clone.replica)
    return clone
  }

  /** A storage that lets go of its locks and hears nothing more once its process has died. */
  #mortal(disk: MemoryDisk): { readonly storage: Storage; die(): void } {
    const inner = disk.open()
    let isDead = false
    const answered = <T>(answer: PromiseLike<T>): PromiseLike<T> => {
      const { later, resolve, reject } = deferred<T>()
      const unlessDead = (settle: (value: never) => void) => (value: unknown) => {
        if (!isDead) settle(value as never)
      }
      answer.then(unlessDead(resolve), unlessDead(reject))
      return later
    }
    const storage: Storage = {
      ...inner,
      read: (prefix) => answered(inner.read(prefix)),
      write: (batch) => {
        const written = answered(inner.write(batch))
        if (this.#flushMs !== undefined) {
          this.#scheduler.after(this.random.between(...this.#flushMs), () => disk.flush(1))
        }
        return written
      },
    }
    const die = (): void => {
      isDead = true
      inner.close()
    }
    return { storage, die }
  }
}

/** Listens on several wires as one transport; more may come. `stop` lets go of them without a word. */
function switchboard(first: readonly Wire[]): {
  readonly transport: ListenTransport
  listen(wire: Wire): void
  stop(): void
} {
  const wires = new Set(first)
  const handles: { close(): void }[] = []
  let host: ListenHost | undefined
  const plug = ({ link }: Wire): void => {
    if (host !== undefined) handles.push(link.listen.listen(host))
  }
  const stop = (): void => {
    host = undefined
    for (const handle of handles.splice(0)) handle.close()
  }
  return {
    transport: {
      kind: 'listen',
      name: 'switchboard',
      reliable: true,
      listen: (listening) => {
        host = listening
        wires.forEach(plug)
        return { close: stop }
      },
    },
    listen: (wire) => {
      wires.add(wire)
      plug(wire)
    },
    stop,
  }
}

/** What is durable on a disk now. */
export function imageOf(disk: MemoryDisk): DiskImage {
  return new Map(disk.rows)
}

/** Puts a disk back to an image. Only while nobody has it open. */
export function restore(disk: MemoryDisk, image: DiskImage): void {
  disk.rows.clear()
  for (const [key, bytes] of image) disk.rows.set(key, bytes)
}
