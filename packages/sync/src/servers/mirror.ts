/**
 * Servers that are connected replicate all of their documents to each other.
 *
 * Invariants
 * 1. Whoever has a document in use takes part in it on every connection to another server.
 * 2. When two servers meet, each goes through what is on its disk once, a few documents at a time: what was written
 *    while they were apart, or under nobody's eyes, is brought together without anybody who asks.
 * 3. Nothing is told to a server, and no document opened for it, before it has shown that it is of this cluster.
 * 4. Both let go of a document that nobody uses on either side, once each has what the other has.
 * 5. Each says when it begins to go through its disk, and when it is through, so that nothing counts as healed before. One that says
 *    neither, as of an earlier version, is not waited for.
 */
import { ByteReader, ByteWriter } from '@rejoin/state'
import { Alarm } from '../alarm.ts'
import type { Companion } from '../companion.ts'
import type { DocumentCore } from '../document-core.ts'
import { frameLimits } from '../frame-limits.ts'
import { insideOf, type Replica } from '../replica.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { Session } from '../session.ts'
import { whenTrusted } from './cluster.ts'

/** Asides of this channel say `[used or not, name]` of a document, or of the disk, without a name, `[through or not]`. */
const channel = 1
const says = { unused: 0, used: 1, beginsDisk: 2, throughDisk: 3 } as const
/** Documents of the disk that are brought together at once. */
const atOnce = 8
const lookMs = 1000

/** What is known of another server. */
interface Partner {
  readonly session: Session
  /** Documents that it said not to use. */
  readonly unused: Set<string>
  /** What it was last told of ours. */
  readonly told: Set<string>
  /** Names on our disk that are still to be gone through; undefined while they are read. */
  waiting: string[] | undefined
  readonly underWay: Set<string>
  /** Whether it was told that our disk is gone through. */
  isTold: boolean
}

/** Replicates the documents of a server to the servers that it is connected to. Does nothing at other replicas. */
export interface Mirror {
  /** Documents that are still to be brought together with some server since it was met. */
  readonly pending: number
  /** Names of documents that are remembered for what other servers do with them: of those in memory only. */
  readonly remembered: number
  close(): void
}

export function mirrorDocuments(replica: Replica): Mirror {
  const mirror = new DocumentMirror(replica, insideOf(replica))
  mirror.start()
  return mirror
}

class DocumentMirror implements Companion, Mirror {
  readonly channel: number = channel
  readonly #replica: Replica
  readonly #core: ReplicaCore
  readonly #partners = new Map<Session, Partner>()
  /** Servers that go through their disks, also those of which it is not known yet whether they are of this cluster: they say it once. */
  readonly #behind = new WeakSet<Session>()
  readonly #alarm: Alarm
  /** Documents of which something changed that may end their use, by their names: those that are let go of are found by looking at these. */
  readonly #restless = new Map<string, DocumentCore>()

  constructor(replica: Replica, core: ReplicaCore) {
    this.#replica = replica
    this.#core = core
    this.#alarm = new Alarm(core.timers)
  }

  get pending(): number {
    let pending = 0
    for (const { waiting, underWay } of this.#partners.values()) pending += (waiting?.length ?? 1) + underWay.size
    return pending
  }

  get remembered(): number {
    let names = 0
    for (const { told, unused } of this.#partners.values()) names += told.size + unused.size
    return names
  }

  start(): void {
    const core = this.#core
    core.companions.set(channel, this)
    for (const { session } of core.connections) if (session.phase === 'established') this.established(session)
  }

  close(): void {
    this.#alarm.clear()
    this.#core.companions.delete(channel)
    for (const session of [...this.#partners.keys()]) this.ended(session)
    this.#restless.clear()
  }

  established(session: Session): void {
    const core = this.#core
    if (core.role !== 'server' || session.peer?.role !== 'server' || !session.hearsAsides) return
    whenTrusted(core, session, () => this.#pair(session))
  }

  #pair(session: Session): void {
    const core = this.#core
    if (session.phase !== 'established' || this.#partners.has(session)) return
    const partner: Partner = {
      session,
      unused: new Set(),
      told: new Set(),
      waiting: undefined,
      underWay: new Set(),
      isTold: false,
    }
    this.#partners.set(session, partner)
    this.#say(session, says.beginsDisk)
    for (const document of core.shelf.cores()) {
      this.#join(partner, document)
      this.#restless.set(document.name, document)
    }
    this.#replica.documents().then(
      (names) => {
        partner.waiting = names
        this.#look()
      },
      (error: unknown) => {
        partner.waiting = []
        core.log('error', 'mirror-failed', { error: String(error) })
        this.#look()
      },
    )
    this.#arm()
  }

  ended(session: Session): void {
    const partner = this.#partners.get(session)
    this.#partners.delete(session)
    for (const name of [...(partner?.underWay ?? [])]) this.#done(partner as Partner, name)
  }

  used(document: DocumentCore): void {
    for (const partner of this.#partners.values()) {
      this.#join(partner, document)
      // Also where it was never told otherwise: what the other side heard may be of an earlier use.
      partner.told.add(document.name)
      this.#tell(partner, document.name, true)
    }
  }

  idle(document: DocumentCore): void {
    this.#restless.set(document.name, document)
    this.#arm()
  }

  stored(document: DocumentCore): void {
    this.idle(document)
  }

  dropped({ name }: DocumentCore): void {
    this.#restless.delete(name)
    for (const { told, unused, underWay } of this.#partners.values()) {
      told.delete(name)
      unused.delete(name)
      // Nothing is to be given back of it: what is opened under this name from now on is another one.
      underWay.delete(name)
    }
  }

  receive(session: Session, bytes: Uint8Array): void {
    if (session.peer?.role !== 'server') return
    const partner = this.#partners.get(session)
    const reader = new ByteReader(bytes)
    try {
      const what = reader.u8()
      const name = reader.string(frameLimits.documentNameBytes)
      reader.end()
      const stream = session.streams.get(name)
      if (what === says.beginsDisk) this.#behind.add(session)
      else if (what === says.throughDisk) this.#behind.delete(session)
      else if (what === says.used) partner?.unused.delete(name)
      else if (partner !== undefined && stream !== undefined) {
        partner.unused.add(name)
        this.idle(stream.core)
      }
    } catch {
      session.fail('protocol-error', 'not what a server says of its documents')
    }
  }

  isBehind(session: Session): boolean {
    const partner = this.#partners.get(session)
    return partner !== undefined && (this.#behind.has(session) || !isThrough(partner))
  }

  /** Takes part in a document at a partner, as far as that may. */
  #join(partner: Partner, document: DocumentCore): void {
    const core = this.#core
    const { session } = partner
    const { name } = document
    if (session.streams.has(name)) return
    core.ask(session, name).then(
      (given) => {
        if (session.phase !== 'established' || document.isClosed) return
        if (given === 'no') this.#done(partner, name)
        else core.batch(() => session.join(document, given))
      },
      (error: unknown) => {
        core.log('error', 'authorize-failed', { document: name, error: String(error) })
        // Nobody could say no: it is asked again by and by.
        this.#done(partner, name)
        if (this.#partners.has(session)) partner.waiting?.push(name)
        this.#arm()
      },
    )
  }

  /** A document of the disk is through. */
  #done({ underWay }: Partner, name: string): void {
    if (underWay.delete(name)) this.#core.shelf.release(name)
  }

  #tell({ session, told }: Partner, name: string, isUsed: boolean): void {
    if (isUsed ? !told.delete(name) : told.has(name)) return
    if (!isUsed) told.add(name)
    this.#say(session, isUsed ? says.used : says.unused, name)
  }

  #say(session: Session, what: number, name = ''): void {
    const writer = new ByteWriter(64)
    writer.u8(what)
    writer.string(name)
    session.send({ kind: 'aside', channel, bytes: writer.finish() })
  }

  /** Invariant 5. Also of what came up again since. */
  #sayOfDisk(partner: Partner): void {
    const isDone = isThrough(partner)
    if (isDone === partner.isTold) return
    partner.isTold = isDone
    this.#say(partner.session, isDone ? says.throughDisk : says.beginsDisk)
  }

  #arm(): void {
    if (this.#alarm.isSet || this.#partners.size === 0) return
    if (this.#restless.size > 0 || this.pending > 0) this.#alarm.set(lookMs, () => this.#core.batch(() => this.#look()))
  }

  /** Goes on with the disk, and lets go of what nobody uses. */
  #look(): void {
    for (const partner of this.#partners.values()) {
      this.#finish(partner)
      this.#begin(partner)
      this.#sayOfDisk(partner)
    }
    for (const [name, document] of [...this.#restless]) {
      let isSettled = true
      for (const partner of this.#partners.values()) if (!this.#mayPart(partner, document)) isSettled = false
      if (isSettled) this.#restless.delete(name)
    }
    this.#arm()
  }

  #begin(partner: Partner): void {
    const { waiting, underWay, session } = partner
    const { shelf } = this.#core
    // What is put back meanwhile has its turn at the next look.
    for (let left = waiting?.length ?? 0; waiting !== undefined && left > 0 && underWay.size < atOnce; left--) {
      const name = waiting.shift() as string
      if (session.streams.get(name)?.isSynced === true) continue
      underWay.add(name)
      shelf.acquire(name).then(
        (document) => {
          if (underWay.has(name)) this.#core.batch(() => this.#join(partner, document))
        },
        () => underWay.delete(name),
      )
    }
  }

  #finish(partner: Partner): void {
    for (const name of partner.underWay) {
      const stream = partner.session.streams.get(name)
      // Whoever may not have it is done with, too.
      if (stream !== undefined && (stream.isSynced || stream.rights.granted === 'no')) this.#done(partner, name)
    }
  }

  /** Whether nothing is to be done about it before something else happens. */
  #mayPart(partner: Partner, document: DocumentCore): boolean {
    const { session, unused, underWay } = partner
    const { name } = document
    const stream = session.streams.get(name)
    if (stream === undefined) return true
    const isUsed = this.#core.shelf.isUsed(document, (carrier) => this.#isMirrored(carrier, name)) || underWay.has(name)
    if (isUsed) this.#tell(partner, name, true)
    else if (stream.isSynced) this.#tell(partner, name, false)
    if (isUsed) return !underWay.has(name)
    if (!stream.isSynced) return false
    // One of the two does it, so that neither leaves while the other begins.
    if (!unused.has(name) || this.#core.speaksAs > session.peerReplica) return true
    unused.delete(name)
    partner.told.delete(name)
    session.part(document)
    return true
  }

  #isMirrored(carrier: object, name: string): boolean {
    for (const { session } of this.#partners.values()) if (session.streams.get(name) === carrier) return true
    return false
  }
}

/** Whether all that stood on our disk was brought together with it. */
function isThrough({ waiting, underWay }: Partner): boolean {
  return waiting?.length === 0 && underWay.size === 0
}
