import { createMemoryDisk, type ForkEvent, type RefusedContent } from '../index.ts'
import { type Participant, type RaidHandle, type Star, star } from '../world.test-helper.ts'
import { cloneMemory } from './clone-memory.ts'

/** A client with what its application was told. */
export interface Witness {
  readonly participant: Participant
  readonly handle: RaidHandle
  readonly forks: ForkEvent[]
  readonly refused: RefusedContent[]
}

/** Follows what an application is told. */
export function witness(participant: Participant, handle: RaidHandle): Witness {
  const forks: ForkEvent[] = []
  const refused: RefusedContent[] = []
  participant.replica.onForked((event) => forks.push(event))
  handle.onRefused((content) => refused.push(content))
  return { participant, handle, forks, refused }
}

/** The items that were handed over. */
export function handedOver({ refused }: Witness): string[] {
  const writes = refused.flatMap(({ changes }) => changes.flatMap((change) => change.writes))
  return writes.flatMap(({ path, member }) => (path[0] === 'items' && member !== undefined ? [member.slice(1)] : []))
}

/** A server, bob, and alice with her twin: cloned while she ran, as `before` left her. */
export interface Twins extends Star {
  readonly alice: Witness
  readonly twin: Witness
  readonly bob: Witness
  /** Cuts or restores the way of alice (0), bob (1) or the twin (2) to the server. */
  cut(who: number): void
  heal(who: number): void
}

/** `before` runs with everybody connected; then alice's machine is cloned, and the twin dials. */
export function twins(before: (stage: Star) => void, options: Parameters<typeof star>[1] = {}): Twins {
  const stage = star(3, options)
  const { world, clients, handles, wires } = stage
  // The third place is that of the twin.
  clients[2]?.replica.close()
  world.advance(100)
  const [alice, bob] = clients.map((client, index) => witness(client, handles[index] as RaidHandle))
  before(stage)
  const source = clients[0] as Participant
  const disk = createMemoryDisk()
  for (const [key, bytes] of source.disk.rows) disk.rows.set(key, bytes)
  const { rules, client } = options
  const participant = world.replica({ name: 'client-2', disk, ...(rules === undefined ? {} : { rules }), ...client })
  const handle = world.open(participant)
  cloneMemory(source.replica, participant.replica)
  participant.join({ transports: [wires[2]?.dial as never] })
  const twin = witness(participant, handle)
  return {
    ...stage,
    ...{ alice: alice as Witness, bob: bob as Witness, twin },
    cut: (who) => wires[who]?.cut(),
    heal: (who) => {
      wires[who]?.restore()
      const net = who === 2 ? participant.net : clients[who]?.net
      net?.reconnect()
    },
  }
}
