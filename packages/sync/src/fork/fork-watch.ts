/**
 * Telling apart two who write as one author, on one stream. Dots do not: (A, 6) is there, whoever wrote it. Stamps do.
 *
 * The client has the changes that no server acknowledged, so it is the judge: it compares them with the stamps that a server
 * tells. What differs, the other one wrote first; the client then takes the server's state for its own (`refusal.ts`).
 *
 * Invariants
 * 1. While a question is open, nothing of ours is sent, nothing is merged and no acknowledgement is believed: it may rest on, or
 *    be for, the work of the other.
 * 2. Where a server merges a change from elsewhere that the other side has, by its word, or under an author that it announced, it
 *    tells the stamp before it acknowledges the change, or passes on what rests on it.
 * 3. What follows on a change of another stamp is not merged from that stream: work of two would mix under one author.
 * 4. What is not known any more is no evidence: who asks goes on.
 */
import { type AuthorId, type Change, lastSeq, Version } from '@rejoin/state'
import type { DocumentCore } from '../document-core.ts'
import { frameLimits } from '../frame-limits.ts'
import type { Refusal } from '../refusal.ts'
import type { StreamHost } from '../stream-host.ts'
import type { ChangeStamp, StampsFrame } from './stamps-frame.ts'

/** More than a stamp takes on the wire. */
const stampBytes = 24
/** What one connection may say of forks. */
const maxNotices = 16

/** What a watch asks of its stream. */
export interface ForkedStream {
  /** The other side's handle. */
  readonly theirHandle: number
  /** Authors that the other side announced, or whose work it brought. */
  readonly brought: ReadonlySet<AuthorId>
  /** Gives up what is refused. */
  readonly refuse: (refusal: Refusal) => void
  /** Has sent again what is lacking. */
  readonly askForRest: () => void
}

export class ForkWatch {
  readonly #host: StreamHost
  readonly #core: DocumentCore
  readonly #stream: ForkedStream
  #phase: 'clear' | 'owed' | 'asked' | 'found' = 'clear'
  /** What the server has, by its word. */
  #theirs = Version.empty
  /** What it acknowledged since a question is open. */
  #heard = Version.empty
  /** What was asked about last, oldest first. */
  #asked: readonly ChangeStamp[] = []
  /** What was here when the other side opened. */
  #atOpen = Version.empty
  /** Own authors under which somebody else wrote: what is not known to be ours there is not. */
  readonly #doubted = new Set<AuthorId>()
  /** Up to where a server was found to have ours. */
  readonly #confirmed = new Map<AuthorId, number>()
  /** From which seq on the work of an author is not merged from this stream. */
  readonly #barred = new Map<AuthorId, number>()
  #notices = 0
  #hasDropped = false

  constructor(host: StreamHost, core: DocumentCore, stream: ForkedStream) {
    this.#host = host
    this.#core = core
    this.#stream = stream
  }

  /** Whether it is not settled that what the server has of ours is ours. */
  get isOpen(): boolean {
    return this.#phase !== 'clear'
  }

  /** The other side opened, and has this. */
  opened(theirs: Version): void {
    this.#atOpen = this.#core.store.version
    this.check(theirs)
  }

  /** The other side has this: asks where some of it may be somebody else's. */
  check(theirs: Version): void {
    if (!this.#judges || this.#phase === 'found') return
    this.#theirs = theirs
    const { store, forks } = this.#core
    const { author } = store
    if (author !== undefined && theirs.get(author) > store.version.get(author)) {
      this.#doubted.add(author)
      forks.found(author)
    }
    if (this.#phase === 'asked') return
    const stamps = this.#questions()
    this.#asked = stamps
    this.#phase = stamps.length === 0 ? 'clear' : this.#tell('ask', stamps) ? 'asked' : 'owed'
    if (this.isOpen) return
    const heard = this.#heard
    this.#heard = Version.empty
    this.#core.serverReached(heard)
    if (this.#hasDropped) this.#stream.askForRest()
    this.#hasDropped = false
  }

  /** Something came that may rest on what is asked about. Answers whether it is to be dropped: it is asked for again then. */
  drops(): boolean {
    this.#hasDropped ||= this.isOpen
    return this.isOpen
  }

  /** A server has this durably. */
  acknowledged(version: Version): void {
    if (this.isOpen) this.#heard = this.#heard.merge(version)
    else this.#core.serverReached(version)
  }

  receive({ purpose, stamps }: StampsFrame): void {
    const { forks, hub, ownAuthors } = this.#core
    if (!hub.rules.forksAreFound) return
    switch (purpose) {
      case 'ask':
        this.#tell('answer', this.#answers(stamps))
        break
      case 'answer':
        if (this.#phase === 'asked') this.#judge(stamps)
        break
      case 'mark':
        for (const stamp of stamps) if (this.#judges && this.#isAnothers(stamp)) this.#doubt(stamp[0], stamp[1])
        break
      case 'forked': {
        this.#notices += 1
        const isTrusted = this.#host.isServer || this.#host.isSameProfile
        const concerned = hub.role === 'server' ? this.#stream.brought : isTrusted ? ownAuthors : undefined
        if (this.#notices > maxNotices) return
        for (const [author] of stamps) if (concerned?.has(author) === true) forks.noticed(author)
      }
    }
  }

  /** Looks at a change before it is merged. Answers whether it must not be. */
  meets(change: Change): boolean {
    const { store, log, hub, forks, ownAuthors } = this.#core
    const { author, seq, hlc, context } = change
    if (!hub.rules.forksAreFound) return false
    for (const [other, from] of this.#barred) {
      const seen = other === author ? seq : context.get(other)
      if (seen < from) continue
      this.#barred.set(author, Math.min(seq, this.#barred.get(author) ?? seq))
      return true
    }
    const known = store.version.get(author)
    const mine = log.get(author, seq)
    if (seq > known) {
      if (author === store.author) this.#another(author, seq)
    } else if (mine === undefined ? lastSeq(change) > known : mine.hlc !== hlc) {
      if (hub.role === 'server') {
        // Invariant 3.
        this.#barred.set(author, seq)
        const last = mine === undefined ? forks.stamps.last(author) : stampOf(mine)
        if (last !== undefined) this.#tell('mark', [last])
        return true
      }
      if (ownAuthors.has(author)) this.#another(author, seq)
    }
    return this.drops()
  }

  /** The same, of a bundle that comes to `version`. */
  meetsBundle(version: Version): void {
    const { store, hub } = this.#core
    const { author } = store
    if (author === undefined || !hub.rules.forksAreFound) return
    const seq = version.get(author)
    if (seq > store.version.get(author)) this.#another(author, seq)
  }

  /** Invariant 2: a change was merged here that did not come this way. `isThere`: the other side says that it has it. */
  merged(change: Change, isThere: boolean): void {
    if (isThere || this.#stream.brought.has(change.author)) this.#tell('mark', [stampOf(change)])
  }

  /** The other side announced these as its own. What was here when it opened it asks about itself. */
  announced(authors: readonly AuthorId[]): void {
    const { hub, store, forks } = this.#core
    if (hub.role !== 'server') return
    const risen = authors.filter((author) => store.version.get(author) > this.#atOpen.get(author))
    this.#tell(
      'mark',
      risen.map((author) => forks.stamps.last(author)).filter((last) => last !== undefined),
    )
    this.tellKnown(authors)
  }

  /** Tells the other side under which of these two have written: they were announced, by it or to it. */
  tellKnown(authors: Iterable<AuthorId>): void {
    const { known } = this.#core.forks
    this.#tell(
      'forked',
      [...authors].filter((author) => known.has(author)).map((author) => [author, 0, 0]),
    )
  }

  /** The store was replaced: all that was asked is void. */
  reset(): void {
    this.#phase = 'clear'
    this.#heard = Version.empty
    this.#doubted.clear()
    this.#confirmed.clear()
  }

  get #judges(): boolean {
    const { hub } = this.#core
    return this.#host.tellsStamps && this.#host.isServer && hub.role !== 'server' && hub.rules.forksAreFound
  }

  /** False while the other side takes no part. */
  #tell(purpose: StampsFrame['purpose'], stamps: readonly ChangeStamp[]): boolean {
    const handle = this.#stream.theirHandle
    if (handle === 0 || !this.#host.tellsStamps) return false
    if (stamps.length > 0) this.#host.send({ kind: 'stamps', handle, purpose, stamps })
    return true
  }

  /** Own changes that the server seems to have and never acknowledged, oldest first. */
  #questions(): ChangeStamp[] {
    const { log, acked, ownAuthors } = this.#core
    const asked = log.unsettled(acked).filter(({ change: { author, seq } }) => {
      const isThere = seq <= this.#theirs.get(author) && seq > (this.#confirmed.get(author) ?? 0)
      return isThere && ownAuthors.has(author)
    })
    // Half of what the answer has room for: it names the last change of each author, too.
    const most = Math.min(frameLimits.stamps, Math.floor(this.#host.peerFrameBytes / stampBytes)) / 2
    return asked.slice(0, most).map(({ change }) => stampOf(change))
  }

  /** What is here of what is asked about, with the last change of each of its authors. */
  #answers(asked: readonly ChangeStamp[]): ChangeStamp[] {
    const { stamps } = this.#core.forks
    const lasts = [...new Set(asked.map(([author]) => author))].map((author) => stamps.last(author))
    const answers = asked.map(([author, seq]): ChangeStamp => [author, seq, stamps.at(author, seq)])
    return [...lasts.filter((last) => last !== undefined), ...answers].slice(0, frameLimits.stamps)
  }

  #judge(answers: readonly ChangeStamp[]): void {
    const { forks } = this.#core
    const forked = new Map<AuthorId, number>()
    const told = new Map(answers.map(([author, seq, hlc]) => [author + seq, hlc]))
    for (const stamp of answers) if (this.#isAnothers(stamp)) this.#doubtAt(stamp[0], stamp[1])
    // In the order of the question: what the answer names beyond it is asked about before it is judged.
    for (const [author, seq, hlc] of this.#asked) {
      if (forked.has(author)) continue
      const there = told.get(author + seq) ?? 0
      const isOurs = there === hlc || (there === 0 && !this.#doubted.has(author))
      if (isOurs) this.#confirmed.set(author, seq)
      else forked.set(author, seq - 1)
    }
    this.#phase = 'clear'
    if (forked.size === 0) {
      // Meanwhile the server may have come to have more that could be ours.
      this.check(this.#theirs.merge(this.#heard))
      return
    }
    this.#phase = 'found'
    for (const author of forked.keys()) forks.found(author)
    const { code, reason } = forks.error()
    this.#stream.refuse({ code, reason, isFromServer: true, forks: forked })
  }

  /**
   * Whether a change of the server is not one of ours where it should be: it has another stamp, begins where none of ours does,
   * or goes on where we stand.
   */
  #isAnothers([author, seq, hlc]: ChangeStamp): boolean {
    const { log, acked, store } = this.#core
    const mine = log.get(author, seq)
    if (mine !== undefined) return hlc !== 0 && mine.hlc !== hlc
    if (author === store.author && seq > store.version.get(author)) return true
    return log
      .unsettled(acked)
      .some(({ change }) => change.author === author && change.seq < seq && lastSeq(change) >= seq)
  }

  /** Somebody else wrote as `author`, up to `seq` at least. To be called before that is merged. */
  #another(author: AuthorId, seq: number): void {
    if (this.#judges) this.#doubt(author, seq)
    else this.#core.forks.found(author)
  }

  /** The same, by the word of a server: how much there is ours? */
  #doubt(author: AuthorId, seq: number): void {
    this.#confirmed.delete(author)
    this.#doubtAt(author, seq)
    this.check(this.#theirs)
  }

  #doubtAt(author: AuthorId, seq: number): void {
    this.#doubted.add(author)
    this.#theirs = this.#theirs.with(author, Math.max(seq, this.#theirs.get(author)))
  }
}

function stampOf({ author, seq, hlc }: Change): ChangeStamp {
  return [author, seq, hlc]
}
