/** What operators do in a world of voters, and when two sides may act there because of it. */
import type { Schema } from '@rejoin/state'
import { isQuorum, type Partitions, type Policy, type Roster, type Voter } from '@rejoin/sync/partition'
import { isAfterForce } from '@rejoin/sync/testing'
import type { World } from '../world.ts'
import type { NextRoster } from './script.ts'

/** What an operator desk stands on. */
export interface OperatorGround<S extends Schema> {
  readonly world: World<S>
  /** Undefined while a node is down. */
  readonly watches: readonly (Partitions | undefined)[]
  /** By node. */
  readonly names: readonly string[]
  readonly servers: number
}

/** The operators of a world. */
export class OperatorDesk<S extends Schema> {
  readonly #ground: OperatorGround<S>
  #hasForced = false
  /** When two rosters were last seen that an operator's word set apart. */
  #apartAtMs = Number.NEGATIVE_INFINITY

  constructor(ground: OperatorGround<S>) {
    this.#ground = ground
  }

  /** Asks a voter for other weights: the one that is named, or else any that runs. */
  propose(node: number, next: NextRoster): void {
    const { watches, names } = this.#ground
    const running = this.#running()
    const votes = (at: number): boolean =>
      watches[at]?.status.roster?.voters.some(({ id }) => id === names[at]) === true && running.includes(at)
    const at = [node, ...running].find(votes)
    const watch = at === undefined ? undefined : watches[at]
    const known = watch?.status.roster
    if (watch === undefined || known === undefined) return
    const voters = this.#votersOf(next.weights, known)
    if (voters.length > 0)
      watch.propose({ ...known, voters, policy: policyFor(next.policy ?? known.policy.kind, voters) })
  }

  /** Forces other weights at a server that runs, and answers whether it does. */
  force(node: number, next: NextRoster): boolean {
    const watch = this.#running().includes(node) ? this.#ground.watches[node] : undefined
    const known = watch?.status.roster
    if (watch === undefined || known === undefined) return false
    const { arbiter, ...rest } = known
    const voters = this.#votersOf(next.weights)
    const isThere = voters.some(({ id }) => id === arbiter)
    const policy = policyFor(next.policy ?? known.policy.kind, voters)
    watch.force({ ...rest, ...(isThere && arbiter !== undefined ? { arbiter } : {}), voters, policy })
    this.#hasForced = true
    this.#apartAtMs = this.#ground.world.nowMs
    return true
  }

  /**
   * Whether any server goes by a forced roster, this or another one, or a later one, whose voters have their vote where they are there: who
   * lost its disk since has none, nor who was not known before to the one that forced it, as the word of it was lost. A server that has
   * just lost its own disk knows of none, which says nothing.
   */
  get isHeeded(): boolean {
    const { watches, names } = this.#ground
    const running = this.#running()
    const rosters = running.flatMap((at) => watches[at]?.status.roster ?? [])
    const [roster] = rosters.sort((one, other) => other.epoch - one.epoch)
    if (roster === undefined || !isAfterForce(roster.epoch)) return false
    const isNamed = (at: number): boolean => roster.voters.some(({ id }) => id === names[at])
    const votes = (at: number): boolean =>
      watches[at]?.status.isSettled === true && isSameRoster(watches[at]?.status.roster, roster)
    const named = running.filter(isNamed)
    const idsOf = (nodes: readonly number[]): Set<string> => new Set(nodes.flatMap((at) => names[at] ?? []))
    return isQuorum(roster, idsOf(named.filter(votes))) || !isQuorum(roster, idsOf(named))
  }

  /** Whether the others have all that counts, and are a quorum that can readmit a node whose disk is lost. */
  spares(node: number): boolean {
    const { world, watches, names } = this.#ground
    const running = this.#running()
    const lost = world.nodes[node]?.handle
    if (lost === undefined || !running.includes(node)) return false
    const latest = watches[node]?.status.roster
    const others = running.filter((other) => other !== node)
    const has = others.flatMap((other) => world.nodes[other]?.handle?.version ?? [])
    const isCovered = has.some((version) => version.covers(lost.version))
    if (latest === undefined || !isCovered) return false
    const isReady = ({ id }: Voter): boolean => {
      const at = names.indexOf(id)
      const status = running.includes(at) ? watches[at]?.status : undefined
      return status?.isSettled === true && isSameRoster(status.roster, latest) && status.verdict?.next === undefined
    }
    const left = latest.voters.filter(({ id }) => id !== names[node])
    return left.every(isReady) && isQuorum(latest, new Set(left.map(({ id }) => id)))
  }

  /** A server begins by what is on its disk, which others may have dropped. */
  began(): void {
    if (this.#hasForced) this.#apartAtMs = this.#ground.world.nowMs
  }

  /** Whether two may act by rosters that an operator's word set apart: one of them did not hear of it yet, or of the other's. */
  isApart(one: Roster | undefined, other: Roster | undefined): boolean {
    const isForced = [one, other].some((roster) => isAfterForce(roster?.epoch ?? 0))
    if (!isForced || isSameRoster(one, other)) return false
    this.#apartAtMs = this.#ground.world.nowMs
    return true
  }

  /** Whether no two sides could act since then but by one roster. */
  isOneSince(atMs: number): boolean {
    this.look()
    return this.#apartAtMs < atMs
  }

  /** Notes whether rosters are apart now. */
  look(): void {
    if (!this.#hasForced) return
    const rosters = this.#running().map((node) => this.#ground.watches[node]?.status.roster)
    for (const roster of rosters) this.isApart(rosters[0], roster)
  }

  #running(): number[] {
    const { world, watches, servers } = this.#ground
    return world.nodes.flatMap(({ index, handle, isAsleep }) =>
      index < servers && handle !== undefined && !isAsleep && watches[index] !== undefined ? index : [],
    )
  }

  /** In the order of the nodes. Who has no weight does not vote, but for an arbiter that is known. */
  #votersOf(weights: readonly number[], known?: Roster): Voter[] {
    return this.#ground.names.slice(0, this.#ground.servers).flatMap((id, at): Voter | [] => {
      const weight = weights[at] ?? 1
      return weight > 0 || id === known?.arbiter ? { id, weight: Math.max(1, weight) } : []
    })
  }
}

const policyFor = (kind: Policy['kind'], voters: readonly Voter[]): Policy =>
  kind === 'static-quorum' ? { kind, voters: (voters.length >> 1) + 1 } : { kind }

/** Whether two go by the same roster. */
export function isSameRoster(one: Roster | undefined, other: Roster | undefined): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}
