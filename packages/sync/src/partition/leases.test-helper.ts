import { fenced, register, schema, set } from '@rejoin/state'
import type { DocumentHandle, MemoryLink } from '../index.ts'
import { insideOf } from '../replica.ts'
import { atOnce, type Participant } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import { type Lease, votedLeases } from './leases.ts'
import type { Partitions } from './partitions.ts'
import { watchPartitions } from './watch.ts'
import { encodePartition } from './whole-wire.ts'
import type { PartitionMessage } from './wire.ts'

export const Match = schema({ round: fenced(0, { lease: 'round' }), title: register(''), players: set<string>() })
export const ttlMs = 10_000

export interface Side {
  readonly handle: DocumentHandle<typeof Match>
  readonly lease: Lease
  readonly told: string[]
}

/** Three servers that vote, connected for long enough. */
export function voters(): Cluster {
  const cluster = new Cluster(['a', 'b', 'c'], {}, { maxTtlMs: ttlMs })
  cluster.world.advance(40_000)
  return cluster
}

export function want(cluster: Cluster, name: string): Side {
  return wantAt(cluster.node(name))
}

export function wantAt({
  participant,
  watch,
}: {
  readonly participant: Participant
  readonly watch: Partitions
}): Side {
  const handle = atOnce(participant.replica.open('match', Match))
  const lease = atOnce(watch.lease({ name: 'match' }, 'round'))
  const told: string[] = []
  lease.onChange((event) => told.push(event.kind))
  return { handle, lease, told }
}

export interface Client {
  readonly participant: Participant
  readonly watch: Partitions
  readonly links: MemoryLink[]
}

/** A client of some of the servers, by default of all. */
export function clientOf(
  cluster: Cluster,
  token: string,
  {
    names = ['a', 'b', 'c'],
    speaksAs,
    name = '',
  }: { readonly names?: readonly string[]; readonly speaksAs?: string; readonly name?: string } = {},
): Client {
  const participant = cluster.world.replica({ name })
  if (speaksAs !== undefined) insideOf(participant.replica).speaksAs = speaksAs
  const links = names.map((name) => {
    const wire = cluster.world.wire(`${token}-${name}`, { token: () => token })
    cluster.node(name).participant.join({ transports: [wire.listen] })
    return wire
  })
  participant.join({ transports: links.map(({ dial }) => dial), capMs: 2000 })
  const watch = watchPartitions(participant.replica, { leases: votedLeases, maxTtlMs: ttlMs })
  return { participant, watch, links }
}

/** A connection that carries nothing any more, and is not closed. */
export const silence = (link: MemoryLink | undefined): void => {
  if (link !== undefined) link.silent = true
}

export const next = ({ handle, lease }: Side): void => {
  const { token } = lease
  handle.change((draft) => draft.round.set(draft.round.get() + 1), token === undefined ? {} : { token })
}
/** A client says something to the partition layers of its servers. */
export function tell({ participant }: Client, message: PartitionMessage): void {
  for (const { session } of insideOf(participant.replica).connections)
    session.send({ kind: 'aside', channel: 2, bytes: encodePartition(message) })
}
