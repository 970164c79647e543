import { rejoinError } from '@rejoin/state'
import type { ReplicaCore } from '../replica-core.ts'
import { whenTrusted } from '../servers/cluster.ts'
import type { Session } from '../session.ts'
import type { DetectorSettings } from './detector/presets.ts'
import type { IncidentDesk } from './incident-desk.ts'
import type { Neighbours } from './neighbours.ts'
import { OtherGroups } from './other-groups.ts'
import type { VotingStatus } from './partitions.ts'
import { type NodeId, type Roster, rosterFault } from './roster.ts'
import type { RosterDesk } from './roster-desk.ts'
import type { RosterLogEffect } from './roster-log-interface.ts'
import { isWaiting, type RosterMessage } from './roster-record.ts'
import { type HeardRow, handedOn, type Reachability } from './verdict/reachability.ts'
import { voterShapes } from './voter-wire.ts'
import { mostNames } from './wire.ts'

/** Of the rows in one message, about: a roster of the greatest size needs several. */
const mostRowBytes = 131_072
/** How often whoever has no vote is told the roster. */
const tellMs = 1000

/** What duties stand on. */
export interface DutiesGround {
  readonly core: ReplicaCore
  readonly self: NodeId
  readonly settings: DetectorSettings
  readonly neighbours: Neighbours
  readonly reachability: Reachability
  readonly roster: RosterDesk
  readonly incidents: IncidentDesk
}

/**
 * What a voter tells those around it, besides its votes: that it runs, what it sees, which roster is in force, how it calls its
 * incidents. From who has no vote nobody would take that.
 */
export class Duties {
  readonly #ground: DutiesGround
  /** Never while nobody is there to be told. */
  #heartbeatAt = 0
  #tellAt = 0
  readonly #groups = new OtherGroups()
  #dropped: VotingStatus['dropped']

  constructor(ground: DutiesGround) {
    this.#ground = ground
    ground.neighbours.wire.learn(voterShapes)
  }

  get wakeAt(): number {
    return Math.min(this.#heartbeatAt, this.#tellAt)
  }

  get status(): VotingStatus {
    const { core, roster } = this.#ground
    const now = core.clock.monotonic()
    const heldUntil = roster.mayVote ? (roster.log?.grantsHeldUntil ?? now) : now
    return {
      otherGroups: this.#groups.at(now),
      renewsOnlyUntil: heldUntil > now ? core.onWall(heldUntil) : undefined,
      dropped: this.#dropped,
    }
  }

  /** Calls back where a connection leads to whom it says. */
  admit(session: Session, admitted: () => void): void {
    whenTrusted(this.#ground.core, session, admitted)
  }

  /** Somebody is connected. */
  met(peer: NodeId): void {
    this.#begin()
    // First, as rows are understood by it only.
    this.#tellRoster([peer])
    this.publish([peer])
    if (this.#names.length > 0) this.#tellNames(peer)
  }

  /** How somebody calls incidents, which is taken in. It may not have heard what it was told before it had let this replica in. */
  named(peer: NodeId, names: readonly string[]): void {
    if (names.some((name) => this.#names.some((own) => own < name))) this.#tellNames(peer)
  }

  get #names(): string[] {
    const { open } = this.#ground.incidents.recovery
    return open.flatMap(({ symptoms, name }) => (symptoms.absent.length > 0 ? name : [])).slice(0, mostNames)
  }

  #tellNames(peer: NodeId): void {
    this.#ground.neighbours.send(peer, { kind: 'incidents', names: this.#names })
  }

  tick(now: number, isHidden: boolean): void {
    const { neighbours, roster, settings } = this.#ground
    if (now >= this.#heartbeatAt) {
      this.#heartbeatAt = now + (isHidden ? settings.hiddenHeartbeatMs : settings.heartbeatMs)
      const voters = neighbours.ids.filter((peer) => roster.voters.has(peer))
      if (voters.length > 0) neighbours.sendAll(voters, { kind: 'heartbeat', isHidden })
      else this.#heartbeatAt = Number.POSITIVE_INFINITY
    }
    if (now < this.#tellAt) return
    this.#tellAt = this.#tellRoster() ? now + tellMs : Number.POSITIVE_INFINITY
  }

  /** Somebody tells which roster it goes by, or asks for another. */
  heard(session: Session, message: RosterMessage): void {
    const { core, neighbours, roster: desk } = this.#ground
    if (message.kind !== 'roster' || desk.roster === undefined || !neighbours.isNamed(session)) return
    const { roster } = message
    if (rosterFault(roster) !== undefined) return
    const peer = neighbours.idOf(session)
    if (!this.#groups.heard({ peer, roster }, desk.roster, core.clock.monotonic())) return
    core.log('warn', 'roster-of-another-group', { peer, voters: idsOf(roster), here: idsOf(desk.roster) })
  }

  /** Another roster is in force. */
  roster(): void {
    this.#groups.clear()
    this.#begin()
    this.#tellRoster()
  }

  /** There may be somebody to be told. */
  #begin(): void {
    const now = this.#ground.core.clock.monotonic()
    // Those who are told already are not told more often.
    if (this.#heartbeatAt === Number.POSITIVE_INFINITY) this.#heartbeatAt = now
    if (this.#tellAt === Number.POSITIVE_INFINITY) this.#tellAt = now
  }

  /** Whoever has no vote is told what is in force. Whether there is anybody. */
  #tellRoster(to: readonly NodeId[] = this.#ground.neighbours.ids): boolean {
    const { self, neighbours, roster: desk } = this.#ground
    // Who waits to be told has nothing to tell.
    if (desk.log === undefined || isWaiting(desk.log.state, self)) return false
    const { roster, pending, state } = desk.log
    const message = { kind: 'roster', roster, isPending: pending !== undefined } as const
    const others = to.filter((peer) => !desk.voters.has(peer))
    const servers = others.filter((peer) => neighbours.sessionsOf(peer).some((session) => neighbours.isNamed(session)))
    // A server may have become a voter by it, and has to ask those of the one before.
    neighbours.sendAll(servers, { kind: 'roster', message: { ...message, previous: state.previous } })
    neighbours.sendAll(
      others.filter((peer) => !servers.includes(peer)),
      { kind: 'roster', message },
    )
    return others.length > 0
  }

  /** @throws RejoinError `config-invalid` where it is no sound roster, or none is known here. */
  ask(kind: 'propose' | 'force', asked: Omit<Roster, 'epoch'>): void {
    const { core, roster: desk } = this.#ground
    if (desk.roster === undefined) throw rejoinError('config-invalid', { reason: 'No roster is known here yet.' })
    const roster: Roster = { ...asked, epoch: desk.roster.epoch + 1 }
    const fault = rosterFault(roster)
    if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
    core.batch(() => desk.step(kind === 'propose' ? { kind, roster } : { kind, roster, wall: core.clock.now() }))
  }

  /** Whether all connections with somebody of that name are with one that was let in under it. */
  isOfServers(name: string): boolean {
    const { core, neighbours } = this.#ground
    const sessions = [...core.connections].flatMap(({ session }) => (session.peerName === name ? session : []))
    return sessions.every((session) => neighbours.has(session) && neighbours.isNamed(session))
  }

  /** What the roster log wants told, but for the roster itself. */
  carryOut(effect: RosterLogEffect): void {
    const { core, neighbours } = this.#ground
    if (effect.kind === 'send') neighbours.send(effect.to, { kind: 'roster', message: effect.message })
    if (effect.kind === 'conflict') {
      const { kept, dropped } = effect
      this.#dropped = { roster: dropped, kept, at: core.onWall(core.clock.monotonic()) }
      core.log('error', 'roster-conflict', {
        kept: kept.epoch,
        keptVoters: idsOf(kept),
        dropped: dropped.epoch,
        droppedVoters: idsOf(dropped),
      })
    }
    if (effect.kind === 'settled')
      core.log('info', 'roster-settled', { outcome: effect.outcome, reason: effect.reason })
  }

  /** Tells the rows that are known, its own first. Who has no vote tells those without one, to whom it is the way to the voters. */
  publish(to: readonly NodeId[]): void {
    const { core, self, neighbours, reachability, roster } = this.#ground
    const heard = roster.voters.has(self) ? to : to.filter((peer) => !roster.voters.has(peer))
    const own = reachability.rows.flatMap(({ row }) => (row.observer === self ? [{ row, ageMs: 0 }] : []))
    let rows: HeardRow[] = []
    let bytes = 0
    for (const next of [...own, ...handedOn(reachability, self, core.clock.monotonic())]) {
      const more = next.row.links.reduce((sum, { peer, by = '' }) => sum + peer.length + by.length + 16, 0)
      if (rows.length > 0 && bytes + more > mostRowBytes) {
        neighbours.sendAll(heard, { kind: 'rows', rows })
        rows = []
        bytes = 0
      }
      rows.push(next)
      bytes += more
    }
    if (rows.length > 0) neighbours.sendAll(heard, { kind: 'rows', rows })
  }
}

function idsOf(roster: Roster): NodeId[] {
  return roster.voters.map(({ id }) => id)
}
