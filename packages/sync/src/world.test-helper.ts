import { counter, isRejoinError, list, map, mvRegister, register, schema, set } from '@rejoin/state'
import {
  type Clock,
  type ConnectOptions,
  connect,
  createMemoryDisk,
  type DocumentHandle,
  type HealEvent,
  type Link,
  type LinkState,
  type ListenTransport,
  type MemoryDisk,
  type MemoryLink,
  memoryLink,
  type Net,
  type Random,
  type Replica,
  type ReplicaOptions,
  type Timers,
} from './index.ts'
import { createReplicaWith } from './replica.ts'
import { type SyncRules, soundSyncRules } from './sync-rules.ts'

/** The document of the scenarios. */
export const Raid = schema({
  phase: register('lobby'),
  tags: mvRegister<string>(),
  potions: counter(10),
  items: set<string>(),
  players: map({ name: register(''), hp: counter(100) }),
  log: list<string>(),
})
export type RaidHandle = DocumentHandle<typeof Raid>

/** Time that moves only when told to. */
export interface VirtualTime {
  readonly clock: Clock
  readonly timers: Timers
  /** Runs everything due within `ms`, in order of time. */
  advance(ms: number): void
  /** Timers that wait. */
  readonly pending: number
}

export function virtualTime(start = Date.UTC(2026, 0, 1)): VirtualTime {
  let now = 0
  let order = 0
  const waiting = new Map<number, { readonly at: number; readonly fire: () => void }>()
  return {
    clock: { now: () => start + now, monotonic: () => now },
    get pending(): number {
      return waiting.size
    },
    timers: {
      set: (delayMs, fire) => {
        order += 1
        waiting.set(order, { at: now + Math.max(0, delayMs), fire })
        return order
      },
      clear: (handle) => {
        waiting.delete(handle as number)
      },
    },
    advance: (ms) => {
      const until = now + ms
      for (let steps = 0; ; steps++) {
        if (steps > 2_000_000) throw new Error('time does not advance: timers fire for ever')
        let next: [number, { readonly at: number; readonly fire: () => void }] | undefined
        for (const entry of waiting) if (next === undefined || entry[1].at < next[1].at) next = entry
        if (next === undefined || next[1].at > until) break
        waiting.delete(next[0])
        now = Math.max(now, next[1].at)
        next[1].fire()
      }
      now = until
    },
  }
}

/** A seeded random source (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff),
    float: () => next() / 2 ** 32,
  }
}

export interface Participant {
  readonly replica: Replica
  readonly disk: MemoryDisk
  readonly healed: HealEvent[]
  net: Net | undefined
  readonly links: LinkState['state'][]
  join(options: ConnectOptions): Net
}

/** A few replicas in one virtual time. */
export class World {
  readonly time: VirtualTime = virtualTime()
  #seed = 1

  replica(
    options: Partial<ReplicaOptions> & { readonly disk?: MemoryDisk; readonly rules?: Partial<SyncRules> } = {},
  ): Participant {
    const { disk = createMemoryDisk(), rules, ...rest } = options
    this.#seed += 1
    const replica = createReplicaWith(
      { ...soundSyncRules, ...rules },
      {
        clock: this.time.clock,
        timers: this.time.timers,
        random: seededRandom(this.#seed),
        storage: disk.open(),
        onLog: ({ event, details }) => {
          if (event === 'internal-error') throw new Error(`a bug came to light: ${String(details['error'])}`)
        },
        ...rest,
      },
    )
    const participant: Participant = {
      replica,
      disk,
      healed: [],
      net: undefined,
      links: [],
      join: (connectOptions) => {
        const net = connect(replica, connectOptions)
        participant.net = net
        net.onHealed((event) => participant.healed.push(event))
        net.onLink((link) => participant.links.push(link.state))
        return net
      },
    }
    return participant
  }

  /** A way between two replicas with 5 ms each way. */
  wire(name: string, options: { readonly latencyMs?: number; readonly token?: () => string } = {}): MemoryLink {
    const { latencyMs = 5, token } = options
    return memoryLink({ name, timers: this.time.timers, latencyMs, ...(token === undefined ? {} : { token }) })
  }

  advance(ms: number): void {
    this.time.advance(ms)
  }

  open(participant: Participant, name = 'raid'): RaidHandle {
    return atOnce(participant.replica.open(name, Raid))
  }
}

/** A server and clients, each over its own wire. */
export interface Star {
  readonly world: World
  readonly server: Participant
  readonly clients: Participant[]
  readonly wires: MemoryLink[]
  readonly handles: RaidHandle[]
}

/** How a star differs from the plain one. */
export interface StarOptions {
  readonly server?: Partial<ReplicaOptions>
  readonly client?: Partial<ReplicaOptions>
  readonly rules?: Partial<SyncRules>
  readonly token?: (index: number) => string
  /** Disks of the first clients. */
  readonly disks?: readonly MemoryDisk[]
  readonly serverDisk?: MemoryDisk
  /** Whether all clients come in by one address, as at a real server. */
  readonly listensAsOne?: boolean
}

/** A server with `count` clients that have the document open and are connected. */
export function star(count: number, options: StarOptions = {}): Star {
  const world = new World()
  const { rules, token, disks = [], serverDisk } = options
  const withRules = rules === undefined ? {} : { rules }
  const wires = Array.from({ length: count }, (_, index) =>
    world.wire(`wire-${index}`, token === undefined ? {} : { token: () => token(index) }),
  )
  const serverOptions = { ...withRules, ...options.server, ...(serverDisk === undefined ? {} : { disk: serverDisk }) }
  const server = world.replica({ role: 'server', name: 'server', ...serverOptions })
  const listens = wires.map((wire) => wire.listen)
  server.join({ transports: options.listensAsOne === true ? [asOne(listens)] : listens })
  const clients = wires.map((wire, index) => {
    const disk = disks[index]
    const client = world.replica({
      name: `client-${index}`,
      ...withRules,
      ...options.client,
      ...(disk === undefined ? {} : { disk }),
    })
    client.join({ transports: [wire.dial] })
    return client
  })
  const handles = clients.map((client) => world.open(client))
  world.advance(500)
  return { world, server, clients, wires, handles }
}

function asOne(listens: readonly ListenTransport[]): ListenTransport {
  return {
    kind: 'listen',
    name: 'one address',
    reliable: true,
    listen: (host) => {
      const listening = listens.map((transport) => transport.listen(host))
      return {
        close: () => {
          for (const one of listening) one.close()
        },
      }
    },
  }
}

/** What is there without a wait: a document, or a lease of one, where nothing has to be read from afar. */
export function atOnce<T>(opening: PromiseLike<T>): T {
  const found: T[] = []
  opening.then((opened) => found.push(opened))
  if (found.length === 0) throw new Error('the document did not open at once')
  return found[0] as T
}

/** The code that `call` throws, or 'nothing'. */
export function codeOf(call: () => unknown): string {
  try {
    call()
    return 'nothing'
  } catch (error) {
    return isRejoinError(error) ? error.code : String(error)
  }
}

/** Follows a thenable: `code` is 'pending', 'resolved', or the code of its error. */
export function outcome(promise: PromiseLike<unknown> | undefined): { code: string } {
  const result = { code: 'pending' }
  promise?.then(
    () => {
      result.code = 'resolved'
    },
    (error: unknown) => {
      result.code = isRejoinError(error) ? error.code : String(error)
    },
  )
  return result
}

/** A link that loses, doubles and reorders what it carries. */
export function lossyLink(
  timers: Timers,
  random: Random,
  faults: { readonly loss: number; readonly duplicate: number; readonly spreadMs: number },
): MemoryLink {
  const perfect = memoryLink({ name: 'lossy', timers, latencyMs: 5 })
  const spoil = (link: Link): Link => ({
    get bufferedBytes(): number {
      return link.bufferedBytes
    },
    send: (frame) => {
      const copies = random.float() < faults.duplicate ? 2 : 1
      for (let copy = 0; copy < copies; copy++) {
        if (random.float() < faults.loss) continue
        const bytes = frame.slice()
        timers.set(random.float() * faults.spreadMs, () => link.send(bytes))
      }
    },
    close: (code, reason) => link.close(code, reason),
  })
  return {
    ...perfect,
    dial: { ...perfect.dial, reliable: false, dial: (events) => spoil(perfect.dial.dial(events)) },
    listen: {
      ...perfect.listen,
      reliable: false,
      listen: (host) => perfect.listen.listen({ accept: (link, info) => host.accept(spoil(link), info) }),
    },
  }
}
