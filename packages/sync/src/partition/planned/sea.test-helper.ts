import type {
  Authorize,
  ConnectOptions,
  DialTransport,
  EnvironmentHint,
  ListenHost,
  ListenTransport,
  MemoryDisk,
  MemoryLink,
  Net,
  Replica,
} from '../../index.ts'
import { createMemoryDisk, memoryLink } from '../../index.ts'
import { mirrorDocuments } from '../../servers/mirror.ts'
import { type Participant, World } from '../../world.test-helper.ts'
import type { Partitions } from '../partitions.ts'
import type { Roster } from '../roster.ts'
import { voting } from '../voting.ts'
import { watchPartitions } from '../watch.ts'
import type { AddressTransport } from './address-transport.ts'
import type { PlannedDialingOptions } from './plan-options.ts'
import { type PlannedDialing, plannedDialing } from './planned-dialing.ts'

export interface SeaNode {
  readonly name: string
  readonly participant: Participant
  readonly replica: Replica
  readonly net: Net
  readonly dialing: PlannedDialing
  readonly watch: Partitions | undefined
  /** When it dialled, and what. */
  readonly dialled: { readonly at: number; readonly address: string }[]
  /** Names of the servers that it is connected to. */
  peers(): string[]
}

export interface SeaOptions extends Partial<PlannedDialingOptions> {
  readonly role?: 'server' | 'client'
  readonly roster?: Roster
  readonly authorize?: Authorize
  readonly token?: () => string
  /** What it listens at; default `sim:NAME`. */
  readonly at?: readonly string[]
  /** Says where it listens. Default true. */
  readonly tells?: boolean
  /** What is said to the plan before it is connected. */
  readonly early?: (dialing: PlannedDialing) => void
  /** Is handed what the platform tells hints by. */
  readonly hints?: (tell: (hint: EnvironmentHint) => void) => void
}

/** Replicas that dial each other by address in a network of virtual time. */
export class Sea {
  readonly world = new World()
  readonly nodes = new Map<string, SeaNode>()
  readonly disks = new Map<string, MemoryDisk>()
  /** Addresses at which nothing ever comes back. */
  readonly holes = new Set<string>()
  /** Addresses whose frames take 300 ms. */
  readonly slow = new Set<string>()
  /** Links that came about, with who dialled. */
  opened = 0
  readonly #hosts = new Map<string, ListenHost>()
  readonly #pairs = new Map<string, MemoryLink>()
  readonly #cuts = new Set<string>()

  start(name: string, options: SeaOptions = {}): SeaNode {
    const { role = 'server', roster, authorize, token, tells = true, hints, early, ...plan } = options
    const disk = this.disks.get(name) ?? createMemoryDisk()
    const isNew = !this.disks.has(name)
    this.disks.set(name, disk)
    const at = role === 'server' ? (options.at ?? [`sim:${name}`]) : []
    const participant = this.world.replica({
      role,
      name,
      disk,
      grantsRights: false,
      ...(authorize === undefined ? {} : { authorize }),
      ...(hints === undefined
        ? {}
        : {
            environment: {
              onHint: (listener) => {
                hints(listener)
                return () => {}
              },
            },
          }),
    })
    const { replica } = participant
    if (role === 'server') mirrorDocuments(replica)
    const watch = roster === undefined ? undefined : watchPartitions(replica, { voting, roster, isFounding: isNew })
    const dialled: { at: number; address: string }[] = []
    const dialing = plannedDialing({
      over: [this.#over(name, dialled, token)],
      bootstrap: [],
      ...(tells ? { advertise: at } : {}),
      ...(watch === undefined ? {} : { partitions: watch }),
      ...plan,
    })
    early?.(dialing)
    const connectOptions: ConnectOptions = { transports: at.map((address) => this.#listen(address)), dialing }
    const net = participant.join(connectOptions)
    const node: SeaNode = {
      name,
      participant,
      replica,
      net,
      dialing,
      watch,
      dialled,
      peers: () => [...new Set(net.peers.filter((peer) => peer.role === 'server').map((peer) => peer.name))].sort(),
    }
    this.nodes.set(name, node)
    return node
  }

  /** Ends a process without a farewell: its links break. */
  kill(name: string): void {
    const node = this.nodes.get(name) as SeaNode
    this.nodes.delete(name)
    for (const [pair, link] of this.#pairs) if (isOf(pair, name)) link.cut()
    node.net.close()
    node.replica.close()
    for (const [pair, link] of this.#pairs) if (isOf(pair, name)) link.restore()
  }

  /** Links between servers that are up, counted once. */
  links(): number {
    return [...this.#pairs.values()].reduce((sum, link) => sum + link.links, 0)
  }

  cut(left: string, right: string): void {
    for (const pair of [`${left}>${right}`, `${right}>${left}`]) {
      this.#cuts.add(pair)
      for (const [key, link] of this.#pairs) if (key.startsWith(pair)) link.cut()
    }
  }

  restore(): void {
    this.#cuts.clear()
    for (const link of this.#pairs.values()) link.restore()
  }

  /** Milliseconds until it is so; throws after `most`. */
  until(what: string, isSo: () => boolean, most: number): number {
    const start = this.world.time.clock.monotonic()
    for (;;) {
      const past = this.world.time.clock.monotonic() - start
      if (isSo()) return past
      if (past >= most) throw new Error(`not so after ${most} ms: ${what}`)
      this.world.advance(10)
    }
  }

  #listen(address: string): ListenTransport {
    return {
      kind: 'listen',
      name: 'the port',
      reliable: true,
      listen: (host) => {
        this.#hosts.set(address, host)
        return { close: () => void this.#hosts.delete(address) }
      },
    }
  }

  #over(name: string, dialled: { at: number; address: string }[], token?: () => string): AddressTransport {
    return {
      name: 'sim',
      addressOf: (text) => (/^sim:[a-z0-9-]+$/.test(text) ? text : undefined),
      dial: (address): DialTransport => ({
        kind: 'dial',
        name: address,
        reliable: true,
        ...(token === undefined ? {} : { token }),
        dial: (events) => {
          dialled.push({ at: this.world.time.clock.monotonic(), address })
          if (this.holes.has(address)) return { send: () => {}, bufferedBytes: 0, close: () => {} }
          if (!this.#hosts.has(address)) {
            this.world.time.timers.set(5, () =>
              events.closed({ code: 'unreachable', reason: 'Nobody listens.', clean: false }),
            )
            return { send: () => {}, bufferedBytes: 0, close: () => {} }
          }
          return this.#pair(name, address).dial.dial({
            ...events,
            opened: () => {
              this.opened += 1
              events.opened()
            },
          })
        },
      }),
    }
  }

  #pair(from: string, address: string): MemoryLink {
    const key = `${from}>${address.slice('sim:'.length)}`
    const known = this.#pairs.get(key)
    if (known !== undefined) return known
    const latencyMs = this.slow.has(address) ? 300 : 5
    const link = memoryLink({ name: address, timers: this.world.time.timers, latencyMs })
    link.listen.listen({
      accept: (accepted, info) => {
        const host = this.#hosts.get(address)
        if (host !== undefined) return host.accept(accepted, { ...info, remote: from })
        // It went while it was dialled.
        accepted.close('unreachable', 'Nobody listens.')
        return { opened: () => {}, frame: () => {}, closed: () => {} }
      },
    })
    if ([...this.#cuts].some((cut) => key.startsWith(cut))) link.cut()
    this.#pairs.set(key, link)
    return link
  }
}

const isOf = (pair: string, name: string): boolean =>
  pair.split('>').some((end) => end === name || end.startsWith(`${name}-`))

export const voters = (...names: string[]): Roster => ({
  epoch: 1,
  voters: names.map((id) => ({ id, weight: 1 })),
  policy: { kind: 'keep-majority' },
})
export const tierOf = (node: SeaNode, address: string): string | undefined =>
  node.dialing.addresses.find((at) => at.address === address)?.tier
