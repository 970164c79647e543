import { type Authorize, createMemoryDisk, type MemoryDisk, type MemoryLink, type Transport } from '../index.ts'
import { mirrorDocuments } from '../servers/mirror.ts'
import { type Participant, World } from '../world.test-helper.ts'
import type { PartitionOptions, Partitions } from './partitions.ts'
import type { Roster } from './roster.ts'
import type { Mode } from './verdict/verdict.ts'
import { voting } from './voting.ts'
import { watchPartitions } from './watch.ts'

/** A server that votes. */
export interface Node {
  readonly name: string
  readonly participant: Participant
  readonly watch: Partitions
  readonly modes: Mode[]
  readonly told: string[]
}

/** Servers that are all connected with each other, each a voter. */
export class Cluster {
  readonly world = new World()
  readonly nodes: Node[] = []
  readonly disks = new Map<string, MemoryDisk>()
  readonly links = new Map<string, MemoryLink>()
  readonly roster: Roster

  readonly #options: PartitionOptions
  readonly #authorize: Authorize | undefined

  constructor(
    names: readonly string[],
    roster: Partial<Roster> = {},
    options: PartitionOptions = {},
    authorize?: Authorize,
    wire = (world: World, pair: string): MemoryLink => world.wire(pair, { token: () => 'of the cluster' }),
  ) {
    this.#authorize = authorize
    this.#options = options
    this.roster = {
      epoch: 1,
      voters: names.map((id) => ({ id, weight: 1 })),
      policy: { kind: 'keep-majority' },
      ...roster,
    }
    for (const [at, name] of names.entries()) {
      for (const other of names.slice(0, at)) this.links.set(`${other}-${name}`, wire(this.world, `${other}-${name}`))
    }
    for (const name of names) this.start(name)
  }

  start(name: string, options: PartitionOptions = {}): Node {
    const disk = this.disks.get(name) ?? createMemoryDisk()
    const isNew = !this.disks.has(name)
    this.disks.set(name, disk)
    const participant = this.world.replica({
      role: 'server',
      name,
      disk,
      grantsRights: false,
      ...(this.#authorize === undefined ? {} : { authorize: this.#authorize }),
    })
    mirrorDocuments(participant.replica)
    const transports = [...this.links].flatMap(([pair, link]): Transport[] => {
      const [left, right] = pair.split('-')
      return left === name ? [link.listen] : right === name ? [link.dial] : []
    })
    participant.join({ transports, capMs: 2000 })
    const watch = watchPartitions(participant.replica, {
      voting,
      roster: this.roster,
      isFounding: isNew,
      ...this.#options,
      ...options,
    })
    const node: Node = { name, participant, watch, modes: [], told: [] }
    watch.onVerdict(({ mode }) => {
      if (node.modes.at(-1) !== mode) node.modes.push(mode)
    })
    watch.onIncident((incident, what) => node.told.push(`${what} ${incident.failure ?? ''}`.trim()))
    const at = this.nodes.findIndex((other) => other.name === name)
    if (at === -1) this.nodes.push(node)
    else this.nodes[at] = node
    return node
  }

  node(name: string): Node {
    return this.nodes.find((node) => node.name === name) as Node
  }

  /** Cuts, or restores, all links between two groups. */
  between(left: string, right: string, cut: boolean): void {
    for (const [pair, link] of this.links) {
      const [a = '', b = ''] = pair.split('-')
      if ((left.includes(a) && right.includes(b)) || (left.includes(b) && right.includes(a))) {
        if (cut) link.cut()
        else link.restore()
      }
    }
  }

  modes(): string {
    return this.nodes.map(({ watch }) => watch.status.verdict?.mode ?? '-').join(' ')
  }

  /** Seconds until all that `names` say is so. */
  until(what: string, holds: () => boolean, seconds: number): number {
    for (let second = 0; second <= seconds; second++) {
      if (holds()) return second
      this.world.advance(1000)
    }
    throw new Error(`not so after ${seconds} s: ${what}; ${this.modes()}`)
  }
}

/** Whether all servers say so of the voters. */
export const isAll = (cluster: Cluster, mode: Mode): boolean =>
  cluster.nodes.every(({ watch }) => watch.status.verdict?.mode === mode)

/** A client of `a`, which nobody watches. */
export function clientOf(cluster: Cluster, options: Parameters<World['replica']>[0] = {}): Participant {
  const wire = cluster.world.wire('in')
  const client = cluster.world.replica(options)
  client.join({ transports: [wire.dial] })
  cluster.node('a').participant.join({ transports: [wire.listen] })
  return client
}
