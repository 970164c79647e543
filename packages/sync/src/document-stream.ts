/**
 * One document on one connection.
 *
 * Invariants
 * 1. `sent` is what the other side has or will have by what was handed to the channel, which is ordered and lossless.
 *    Whatever the other side then lacks it asks for (`need`), and `sent` goes back to what it named.
 * 2. Nothing is sent to whoever may not read, nothing is merged from whoever may not write.
 * 3. Acknowledgements name only what is on this disk (`core.durable`).
 * 4. A bundle goes between changes of the stream, never among them, and both ends tell their change codec (C2).
 * 5. `sent` and `theirs` know nothing of the store after it was replaced: both sides open anew.
 */
import { type AuthorId, type Bundle, type Change, type Store, Version } from '@rejoin/state'
import { versionAfter } from './change-log.ts'
import type { Carrier, DocumentCore, Intake } from './document-core.ts'
import { ForkWatch } from './fork/fork-watch.ts'
import type { Frame, OpenFrame, Permission } from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import type { Refusal } from './refusal.ts'
import { noteRefusals, otherTabRefusal } from './refused-work.ts'
import { SelfCheck } from './self-check/self-check.ts'
import { StreamAcks } from './stream-acks.ts'
import type { StreamHost } from './stream-host.ts'
import { JoinQuestions } from './stream-joins.ts'
import { StreamNeeds } from './stream-needs.ts'
import { StreamPresence } from './stream-presence.ts'
import { StreamReceiver } from './stream-receiver.ts'
import { StreamRefusal } from './stream-refusal.ts'
import { StreamRights } from './stream-rights.ts'
import { StreamSender } from './stream-sender.ts'
import { StreamVersions, tellsVersion, type VersionsHost } from './stream-versions.ts'

/** So many are not counted over all documents. */
const fewStrangers = 1024

type DocumentFrame = Extract<Frame, { readonly handle: number }>

export class DocumentStream implements Carrier {
  readonly core: DocumentCore
  readonly handle: number
  /** What the other side is known to have. */
  theirs: Version = Version.empty
  /** What it said to have on its disk. */
  durableThere: Version = Version.empty
  readonly forks: ForkWatch
  readonly #host: StreamHost
  readonly rights: StreamRights
  readonly #versions: StreamVersions
  readonly #sender: StreamSender
  readonly #receiver: StreamReceiver
  readonly #refusal: StreamRefusal
  readonly #selfCheck: SelfCheck
  readonly #joins: JoinQuestions
  readonly #acks = new StreamAcks()
  readonly #needs: StreamNeeds
  readonly #presence: StreamPresence
  /** What the other side has, when that was last found to be here; and what is here, when it was last found to be there. */
  #covered: { readonly store: Store; readonly theirs?: Version; readonly ours?: Version } | undefined

  constructor(host: VersionsHost, core: DocumentCore, handle: number, given: Permission) {
    this.#versions = new StreamVersions(host, core)
    this.#host = host
    this.#sender = new StreamSender(host, core, this.#versions)
    this.#receiver = new StreamReceiver(host, core, this.#versions)
    this.#joins = new JoinQuestions(host, core, this.#versions)
    this.#presence = new StreamPresence(host, core)
    this.#needs = new StreamNeeds(core, this.#versions)
    this.#refusal = new StreamRefusal(host, core, () => {
      this.#versions.send({ kind: 'need', handle: this.#theirHandle, version: Version.empty, full: true })
    })
    this.#selfCheck = new SelfCheck(host, core, this.#versions, () => this.#theirHandle)
    this.core = core
    this.handle = handle
    this.forks = new ForkWatch(host, core, this)
    this.rights = new StreamRights(core.hub, this.forks, given)
    core.carriers.add(this)
  }

  get #theirHandle(): number {
    return this.#sender.handle
  }

  get theirHandle(): number {
    return this.#theirHandle
  }

  get brought(): ReadonlySet<AuthorId> {
    return this.#receiver.brought
  }

  refuse(refusal: Refusal): void {
    this.#refusal.await(refusal)
  }

  askForRest(): void {
    this.#needs.isOwed = true
  }

  get isServer(): boolean {
    return this.#host.isServer
  }

  get isSameProfile(): boolean {
    return this.#host.isSameProfile
  }

  /** Whether the other side takes part. */
  get isMutual(): boolean {
    return this.#theirHandle !== 0 && this.rights.granted !== undefined
  }

  /** Both versions covered, the last outage reported, and own work durable at the server. Never said of a handshake. */
  get isSynced(): boolean {
    const { core } = this
    if (this.rights.granted === 'no') return !this.#refusal.isAwaiting
    if (!this.isMutual || this.#refusal.isAwaiting || this.forks.isOpen) return false
    if (this.rights.maySend && (!this.#sender.isDone || this.#isHealing)) return false
    if (this.isServer && core.ledger.unsaved.changes > 0) return false
    // Last, as this alone may take a look at every author; it is asked with every change.
    const { store } = core
    const { theirs } = this
    const ours = store.version
    const known = this.#covered?.store === store ? this.#covered : undefined
    if (!ours.covers(theirs, known?.theirs)) return false
    if (this.rights.maySend && !theirs.covers(ours, known?.ours)) {
      this.#covered = { ...known, store, theirs }
      return false
    }
    this.#covered = { store, theirs, ours }
    return true
  }

  /** Asks the other side to take part. */
  open(): void {
    const resume = this.core.staging.resume(this.#host.peerReplica)
    this.#versions.send({
      kind: 'open',
      handle: this.handle,
      document: this.core.name,
      version: this.core.store.version,
      ...(resume === undefined ? {} : { resume }),
    })
  }

  /** The other side takes part, for the first time or anew. */
  opened(offer: OpenFrame): void {
    const { core } = this
    const frame = this.#versions.resolved(offer)
    if (frame === undefined) {
      this.#host.send({ kind: 'recall', handle: offer.handle, names: this.#versions.offered() })
      return
    }
    const isReturn = this.#theirHandle !== 0 && this.#theirHandle !== frame.handle
    this.#nowTheyHave(frame.version)
    core.rights.answerWaiting()
    this.#sender.begin(frame, this.rights.isReader)
    this.#acks.reset()
    this.#selfCheck.reopened()
    this.forks.opened(this.theirs)
    this.#tellPermission()
    this.#oweDurable()
    if (isReturn) this.open()
    if (this.#host.contactKey !== undefined) core.incidents.contact(this.#host.contactKey, frame.version)
    if (this.rights.isReader) {
      for (const entry of core.presence.entriesFor(this, this.#host.hub.role === 'server'))
        this.#presence.add(entry.replica)
    }
    if (this.isSameProfile || this.isServer) this.#tellOwn([...core.ownAuthors])
    if (this.isSameProfile && core.refused.size > 0) this.refusalsChanged(otherTabRefusal)
    this.#checkRefusal()
    this.#progress()
    this.wake()
  }

  /** Changes what the other side may do. */
  give(permission: Permission): void {
    if (permission === this.rights.given) return
    this.rights.given = permission
    if (this.#theirHandle === 0) return
    this.#tellPermission()
    this.wake()
  }

  #tellPermission(): void {
    const permission = this.rights.given
    const version = permission === 'no' ? Version.empty : this.core.durable
    this.#versions.send({ kind: 'opened', handle: this.#theirHandle, permission, version })
  }

  receive(received: DocumentFrame): void {
    const frame = received.kind !== 'open' && tellsVersion(received) ? this.#versions.resolved(received) : received
    if (frame === undefined) {
      this.#fail('a version by what differs from one that was never told')
      return
    }
    switch (frame.kind) {
      case 'open':
        this.opened(frame)
        break
      case 'opened':
        this.#permitted(frame.permission, frame.version)
        break
      case 'recall':
        if (this.#versions.recalled(frame.names)) this.open()
        else this.#fail('a recall of nothing that was guessed')
        break
      case 'changes':
        this.#changes(frame.bytes)
        break
      case 'bundle':
        this.#chunk(frame)
        break
      case 'ack':
        this.#acknowledged(frame.version)
        break
      case 'digest':
        if (this.rights.isReader) this.#selfCheck.compare(frame.version, frame.digest)
        break
      case 'inspect':
        if (this.rights.isReader) this.#selfCheck.inspect(frame)
        break
      case 'inspected':
        this.#selfCheck.inspected(frame)
        break
      case 'need':
        if (this.rights.isReader) this.#needed(frame.version, frame.full)
        break
      case 'below':
        this.#joins.invited(!this.#refusal.isAwaiting)
        break
      case 'join':
        if (this.rights.isReader) this.#sender.joining({ ...frame.question, version: frame.version })
        break
      case 'more':
        if (this.rights.isReader) this.#sender.more(frame.from, frame.count)
        break
      case 'presence':
        if (this.rights.isReader) this.core.tellPresence(this.core.presence.receive(frame.entries, this), this)
        break
      case 'refused':
        this.#refused(frame.code, frame.reason)
        break
      case 'own':
        for (const author of frame.authors) this.#receiver.brought.add(author)
        if (this.#receiver.brought.size > frameLimits.versionAuthors) this.#fail('more authors than a version has')
        this.forks.announced(frame.authors)
        if (this.isSameProfile) this.core.addOwnAuthors(frame.authors)
        break
      case 'refusals':
        if (this.isSameProfile && noteRefusals(this.core, frame.entries)) {
          this.#refusal.await({ code: frame.code, reason: frame.reason, isFromServer: false })
        }
        break
      case 'stamps':
        if (this.rights.isReader) this.forks.receive(frame)
        break
      case 'leave':
        this.leave()
        break
    }
    this.wake()
  }

  /** The other side no longer takes part. */
  leave(): void {
    this.#sender.handle = 0
    this.#sender.reset(undefined)
    this.rights.granted = undefined
    this.#selfCheck.end()
    this.core.tellPresence(this.core.presence.drop(this), this)
  }

  /** The connection is gone, or this side leaves. */
  end(isLost: boolean): void {
    const hadContact = this.#theirHandle !== 0
    this.#versions.remember()
    this.#selfCheck.end()
    this.core.carriers.delete(this)
    this.#sender.reset(undefined)
    this.#host.hub.touched(this.core)
    if (!isLost && hadContact) this.#host.send({ kind: 'leave', handle: this.#theirHandle })
    this.core.tellPresence(this.core.presence.drop(this), this)
    const key = this.#host.contactKey
    if (isLost && hadContact && key !== undefined && !this.core.isClosed) this.core.incidents.lost(key)
  }

  wake(): void {
    this.#host.wakeStream(this)
  }

  restart(): void {
    this.#sender.reset(this.#theirHandle === 0 ? undefined : this.theirs)
    this.#acks.reset()
    this.#joins.reset()
    this.#refusal.reset()
    this.forks.reset()
    this.#selfCheck.restarted()
    this.open()
    this.wake()
  }

  presenceChanged(replicas: readonly string[], from: object | undefined): void {
    const { hub } = this.#host
    if (from === this) return
    for (const replica of replicas) if (replica === hub.speaksAs || hub.role === 'server') this.#presence.add(replica)
    this.wake()
  }

  ownAuthorsChanged(author: AuthorId): void {
    if (this.isSameProfile || this.isServer) this.#tellOwn([author])
  }

  refusalsChanged(refusal: Refusal): void {
    if (!this.isSameProfile || this.#theirHandle === 0) return
    const { code, reason } = refusal
    this.#host.send({ kind: 'refusals', handle: this.#theirHandle, code, reason, entries: [...this.core.refused] })
  }

  merged(change: Change): void {
    this.forks.merged(change, (this.#sender.sent?.get(change.author) ?? 0) >= change.seq)
  }

  forkFound(author: AuthorId): void {
    const isConcerned = this.isServer || this.isSameProfile || this.#receiver.brought.has(author)
    if (isConcerned) this.forks.tellKnown([author])
  }

  /** Sends what there is to send, as far as there is room. */
  pump(): void {
    if (this.#theirHandle === 0 || this.#host.isCongested()) return
    if (!this.#host.crossesEpochs && this.core.store.epochs.length > 0) {
      this.#host.fail('protocol-error', 'a document in an epoch, of which the other side knows nothing')
      return
    }
    this.#checkRefusal()
    this.#needs.ask(this.#theirHandle)
    this.#acknowledge()
    if (this.rights.isReader) this.#presence.send(this.#theirHandle)
    if (this.rights.isReader && !this.core.rights.isHeld) {
      const { sentBytes } = this.#sender
      this.#sender.pump(this.rights.maySend)
      if (this.#sender.sentBytes !== sentBytes) this.#oweDurable()
    }
    if (
      this.#joins.isOwed &&
      this.rights.isWriter &&
      (!this.rights.maySend || this.#sender.isDone || this.#sender.isWaiting)
    ) {
      this.#joins.ask(this.#theirHandle)
    }
    this.#progress()
  }

  /** Now and then: what waits for something lost is asked for, and equal versions compare their digests. */
  tick(): void {
    if (this.#theirHandle === 0) {
      // It said no, or could not tell: rights and limits change.
      if (this.isServer) this.open()
      return
    }
    this.#needs.tick()
    this.#versions.remember()
    this.pump()
    this.#selfCheck.tick(this.rights.maySend && this.#sender.isDone)
  }

  /** Whether an outage waits for its report: the next loss would be another one beside it. */
  get #isHealing(): boolean {
    const key = this.#host.contactKey
    return key !== undefined && this.core.incidents.isOpen(key)
  }

  #permitted(permission: Permission, version: Version): void {
    if (permission !== this.rights.granted) this.#sender.permitted()
    this.rights.granted = permission
    this.#stored(version)
    this.#nowTheyHave(this.theirs.merge(version))
    if (!this.isServer) return
    this.core.setPermission(permission)
    this.forks.check(this.theirs)
    this.forks.acknowledged(version)
    this.#checkRefusal()
  }

  /** The other side has this on its disk. */
  #stored(version: Version): void {
    this.durableThere = this.durableThere.merge(version)
    this.core.tellStored()
  }

  #acknowledged(version: Version): void {
    this.#stored(version)
    this.#nowTheyHave(this.theirs.merge(version))
    if (this.isServer) this.forks.acknowledged(version)
    this.#progress()
  }

  #progress(): void {
    if (this.#host.contactKey === undefined || this.#theirHandle === 0) return
    this.core.incidents.progress(this.#host.contactKey, this.#host.peerName, this.theirs, this.#sender.sentBytes)
  }

  #changes(bytes: Uint8Array): void {
    const decoded = this.#receiver.changes(bytes)
    if (!decoded.ok) {
      this.#fail(decoded.error.message)
      return
    }
    const changes = decoded.value
    if (!this.rights.isWriter) {
      this.#refusal.refuse(this.#theirHandle, changes.length)
      return
    }
    for (const change of changes) this.#receiver.brought.add(change.author)
    this.#nowTheyHave(versionAfter(this.theirs, changes))
    this.#sender.theyHaveChanges(changes)
    // The whole state is on its way and takes the place of everything.
    if (this.#refusal.isAwaiting) return
    this.#took(this.core.receiveChanges(changes, bytes.length, this))
  }

  #nowTheyHave(version: Version): void {
    this.theirs = version
    const { strangers } = this
    // Whoever names more authors than any version has, or all documents together, makes them up.
    if (strangers <= fewStrangers) return
    if (strangers > frameLimits.versionAuthors || this.#host.strangers > frameLimits.offeredAuthors)
      this.#fail('too many authors')
  }

  /** Authors that the other side names beyond as many as are known here. */
  get strangers(): number {
    return Math.max(0, this.theirs.size - this.core.store.version.size)
  }

  #fail(reason: string): void {
    this.#host.fail('protocol-error', reason)
  }

  #took(intake: Intake): void {
    if (intake === 'invalid') this.#fail('content that breaks a rule of the store')
    if (intake === 'need') this.#needs.isOwed = true
    this.#progress()
  }

  #refused(code: string, reason: string): void {
    if (!this.isServer || code !== 'forbidden') return
    this.rights.granted = 'read'
    this.core.setPermission('read')
    this.#checkRefusal(reason)
  }

  #checkRefusal(reason = 'The right to write this document was not given, or was lost.'): void {
    this.#refusal.check(this.rights.granted, this.theirs, this.#theirHandle !== 0, reason)
  }

  #chunk(frame: Extract<Frame, { readonly kind: 'bundle' }>): void {
    // Invariant 4, also when the bundle comes to nothing.
    const isLast = this.#receiver.passed(frame)
    if (!this.rights.isWriter) {
      if (isLast) this.#refusal.refuse(this.#theirHandle, 1)
      return
    }
    const received = this.#receiver.piece(frame)
    if (received.kind === 'malformed') this.#fail(received.reason)
    if (received.kind === 'need') this.#needs.isOwed = true
    if (received.kind === 'bundle') {
      this.#whole(received.bundle, received.bytes.length, received.bytes)
      if (!this.#refusal.isAwaiting && !this.forks.isOpen) this.#selfCheck.whole(received.bundle)
    }
    // Where the whole state is on its way, nothing else takes its place.
    if (received.kind !== 'join' || this.#refusal.isAwaiting) return
    const bundle = this.#joins.received(received.bytes, this.#theirHandle)
    if (bundle !== undefined) this.#whole(bundle, this.#joins.bytes)
  }

  #whole(bundle: Bundle, size: number, bytes?: Uint8Array): void {
    this.#receiver.brings(bundle)
    this.#nowTheyHave(this.theirs.merge(bundle.version))
    this.#sender.theyHave(bundle.version)
    if (this.#refusal.isAwaiting) this.#refusal.take(bundle)
    else if (!this.forks.drops()) this.#took(this.core.receiveBundle(bundle, size, this, bytes))
  }

  #needed(version: Version, isFull: boolean): void {
    this.#needs.wanted(version, isFull, (sent, full) => {
      this.#sender.needed(sent, full)
      this.wake()
    })
  }

  /** Whoever was told of what is not on this disk yet does not bring it. */
  #oweDurable(): void {
    if (this.#host.isEqual) this.#acks.owe(this.core.store.version.above(this.core.durable))
  }

  #acknowledge(): void {
    const { core } = this
    const { hub } = this.#host
    // A server has no use for what a client has on its disk.
    if ((hub.role === 'client' && this.isServer) || !this.rights.isReader) return
    const version = this.#acks.risen(core.durable, this.#receiver.brought)
    if (version !== undefined) this.#host.send({ kind: 'ack', handle: this.#theirHandle, version })
  }

  #tellOwn(authors: readonly AuthorId[]): void {
    if (this.#theirHandle === 0 || authors.length === 0) return
    const told = authors.slice(-frameLimits.ownAuthors)
    this.#host.send({ kind: 'own', handle: this.#theirHandle, authors: told })
    this.forks.tellKnown(told)
  }
}
