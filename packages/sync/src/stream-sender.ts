/**
 * The sending half of a stream: what the other side lacks, as changes where they are kept, else as a bundle in pieces.
 */
import {
  type Bundle,
  bundleSince,
  type Change,
  type ChangeEncoder,
  createChangeEncoder,
  encodeBundle,
  isBelowFloor,
  Version,
} from '@rejoin/state'
import { cutIntoFrames, includes, isCurrent, type KeptChange, versionAfter } from './change-log.ts'
import type { DocumentCore } from './document-core.ts'
import type { OpenFrame } from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import type { JoinRequest } from './join/join-codec.ts'
import type { StreamHost } from './stream-host.ts'
import { JoinAnswers } from './stream-joins.ts'
import type { StreamVersions } from './stream-versions.ts'
import type { OutgoingTransfer } from './transfers.ts'
import { weighed } from './wire-weight.ts'

const changeFrameBytes = 48 * 1024
/** What a frame needs beside its payload. */
const frameOverheadBytes = 256

interface Outgoing {
  readonly kind: 'bundle' | 'join' | 'symbols'
  readonly transfer: OutgoingTransfer
  offset: number
}

export class StreamSender {
  /** What the other side has or will have; undefined while it does not take part. */
  sent: Version | undefined
  /** The other side's handle. */
  handle = 0
  /** Bytes of changes and bundles that went to the other side since it takes part. */
  sentBytes = 0
  readonly #host: StreamHost
  readonly #core: DocumentCore
  readonly #joins: JoinAnswers
  readonly #versions: StreamVersions
  #encoder: ChangeEncoder
  /** The last handle that was not 0. */
  #handleBefore = 0
  #outgoing: Outgoing | undefined

  constructor(host: StreamHost, core: DocumentCore, versions: StreamVersions) {
    this.#host = host
    this.#core = core
    this.#joins = new JoinAnswers(host, core)
    this.#versions = versions
    this.#encoder = this.#newEncoder()
  }

  #newEncoder(): ChangeEncoder {
    const { namesVersions, packs } = this.#host
    return createChangeEncoder(namesVersions ? () => this.#versions.references() : undefined, packs)
  }

  /** The other side takes part from `frame.version` on, perhaps with half a bundle in hand. */
  begin(frame: OpenFrame, mayRead: boolean): void {
    if (this.#handleBefore !== 0 && this.#handleBefore !== frame.handle) {
      // Another stream over there, which knows nothing of what this one was told, and was told to the one before.
      this.#encoder = this.#newEncoder()
      this.#versions.renewed()
    }
    this.handle = frame.handle
    this.#handleBefore = frame.handle
    this.sent = frame.version
    this.sentBytes = 0
    this.#joins.end()
    this.#outgoing = mayRead ? this.#resumed(frame) : undefined
  }

  /** Nothing that was assumed holds; the other side is at `version`, or does not take part. */
  reset(version: Version | undefined): void {
    this.sent = version
    this.#joins.end()
    this.#outgoing = undefined
  }

  /** The other side asks for what comes after `version`, or for the whole state. */
  needed(version: Version, isFull: boolean): void {
    if (this.sent === undefined) return
    if (isFull && this.isWaiting) this.#host.hub.metrics.joinsWhole += 1
    this.sent = version
    this.#joins.end()
    this.#outgoing = isFull ? this.#whole(Version.empty) : undefined
  }

  /** The other side takes in more or less than before: an answer that it did not want is given again. */
  permitted(): void {
    if (this.#outgoing === undefined) this.#joins.end()
  }

  /** The other side asks for a join, having told what it has to tell. */
  joining(request: JoinRequest): void {
    const { hub } = this.#host
    if (this.sent === undefined || !this.#joins.isInvited) return
    this.sent = request.version
    this.#outgoing = undefined
    // It heard from somebody else meanwhile.
    if (request.version.covers(this.#core.store.floor)) {
      this.#joins.end()
      return
    }
    const [known] = this.#versions.references()
    const answer = this.#joins.answer(request, known)
    if (answer === undefined) {
      this.#outgoing = this.#whole(Version.empty)
      return
    }
    hub.metrics.joinsBySketch += 1
    const transfer = this.#transfer(answer.bytes, request.version, answer.version, known)
    hub.transfers.put(transfer, hub.clock.monotonic())
    this.#outgoing = { kind: 'join', transfer, offset: 0 }
  }

  /** The other side asks for more symbols of a join, or has what it needs. */
  more(from: number, count: number): void {
    if (this.sent === undefined || !this.#joins.isWaiting || this.#outgoing !== undefined) return
    if (count === 0) {
      const version = this.#joins.done()
      if (version !== undefined) this.#theyTook(version)
      return
    }
    const bytes = this.#joins.more(from, count)
    if (bytes !== undefined) {
      this.#outgoing = { kind: 'symbols', transfer: this.#transfer(bytes, this.sent, this.sent, undefined), offset: 0 }
      return
    }
    this.#joins.end()
    this.#outgoing = this.#whole(Version.empty)
  }

  /** The other side turned out to have this. */
  theyHave(version: Version): void {
    if (this.sent !== undefined) this.sent = this.sent.merge(version)
  }

  /** The same, of changes that came from it: what is raised little by little is compared at little cost. */
  theyHaveChanges(changes: readonly Change[]): void {
    if (this.sent !== undefined) this.sent = versionAfter(this.sent, changes)
  }

  /** Whether everything is on its way. */
  get isDone(): boolean {
    return this.sent !== undefined && this.#outgoing === undefined && isCurrent(this.#core.store, this.sent)
  }

  /** Whether the other side is to ask for a join, or to say that it has it. */
  get isWaiting(): boolean {
    return this.#joins.isWaiting
  }

  /** Sends as far as there is room. `maySend`: whether the other side merges what comes unasked. */
  pump(maySend: boolean): void {
    const core = this.#core
    while (this.sent !== undefined && !this.#host.isCongested()) {
      if (this.#outgoing !== undefined) {
        this.#sendChunk(this.#outgoing)
        continue
      }
      if (!maySend || this.isWaiting || this.sent === core.store.version) return
      if (isCurrent(core.store, this.sent)) {
        this.sent = this.sent.size === core.store.version.size ? core.store.version : this.sent
        return
      }
      const lacking = core.log.since(this.sent, core.store.version)
      const frames = lacking === undefined ? undefined : this.#frames(lacking)
      if (frames !== undefined) this.#sendChanges(frames)
      else if (!this.#host.hub.rules.healSendsBundle) this.sent = core.store.version
      else if (!this.#joins.invite(this.handle, this.sent)) this.#outgoing = this.#whole(this.sent)
    }
  }

  #sendChanges(frames: readonly (readonly KeptChange[])[]): void {
    for (const [index, frame] of frames.entries()) {
      const changes = frame.map((entry) => entry.change)
      const bytes = this.#encoder.encode(changes)
      this.#host.send({ kind: 'changes', handle: this.handle, bytes })
      this.sentBytes += bytes.length
      this.#host.hub.metrics.changesSent += changes.length
      const isAll = index === frames.length - 1
      const sent = this.sent ?? Version.empty
      this.sent =
        isAll && this.#core.store.version.covers(sent) ? this.#core.store.version : versionAfter(sent, changes)
      if (!isAll && this.#host.isCongested()) return
    }
  }

  #sendChunk(outgoing: Outgoing): void {
    const { id, bytes, version } = outgoing.transfer
    const { metrics } = this.#host.hub
    const chunk = bytes.subarray(outgoing.offset, outgoing.offset + this.#chunkBytes)
    this.#host.send({
      kind: 'bundle',
      handle: this.handle,
      transfer: id,
      totalBytes: bytes.length,
      offset: outgoing.offset,
      chunk,
    })
    metrics.chunksSent += 1
    outgoing.offset += chunk.length
    this.sentBytes += chunk.length
    if (outgoing.offset < bytes.length) return
    this.#outgoing = undefined
    this.#encoder.bundleSent()
    if (outgoing.kind === 'symbols') return
    metrics.bundlesSent += 1
    if (outgoing.kind === 'join') this.#joins.answered(version)
    else this.#theyTook(version)
  }

  #theyTook(version: Version): void {
    this.sent = (this.sent ?? Version.empty).merge(version)
    this.#sendUnsettled(version)
  }

  /** What the bundle brought and no server has goes as changes too, so that the receiver can carry it to one (C13). */
  #sendUnsettled(version: Version): void {
    if (this.#host.hub.role !== 'client' || this.#host.isServer) return
    const unsettled = this.#core.log.unsettled(this.#core.acked).filter((entry) => includes(version, entry.change))
    for (const frame of this.#frames(unsettled) ?? []) {
      const bytes = this.#encoder.encode(frame.map((entry) => entry.change))
      this.#host.send({ kind: 'changes', handle: this.handle, bytes })
    }
  }

  get #chunkBytes(): number {
    return Math.min(frameLimits.chunkBytes, this.#host.peerFrameBytes - frameOverheadBytes)
  }

  get #changeFrameBytes(): number {
    return Math.min(changeFrameBytes, this.#host.peerFrameBytes / 2)
  }

  /** Changes by frames; undefined where a run that must not be cut fits into none, so that all travels as a bundle. */
  #frames(lacking: readonly KeptChange[]): KeptChange[][] | undefined {
    const { hub, namesVersions, peerFrameBytes } = this.#host
    const most = this.#changeFrameBytes
    const known = namesVersions ? (this.#versions.references()[0] ?? Version.empty) : undefined
    const entries = weighed(lacking, known, most)
    const frames = cutIntoFrames(hub.rules.changesInOrder ? entries : byAuthor(entries), most)
    const limit = peerFrameBytes - frameOverheadBytes
    const fits = frames.every((frame) => frame.reduce((sum, entry) => sum + entry.bytes, 0) <= limit)
    return fits ? frames : undefined
  }

  /** All that comes after `base`, or all there is. */
  #whole(base: Version): Outgoing {
    if (this.sent !== undefined && this.sent.size > 0 && isBelowFloor(this.#core.store, this.sent)) {
      this.#host.hub.metrics.joinsWhole += 1
    }
    return { kind: 'bundle', transfer: this.#encode(base), offset: 0 }
  }

  #transfer(bytes: Uint8Array, base: Version, version: Version, known: Version | undefined): OutgoingTransfer {
    const { hub, packs } = this.#host
    return { id: hub.newId(), document: this.#core.name, base, version, bytes, known, packs, isJoin: true }
  }

  #encode(base: Version): OutgoingTransfer {
    const core = this.#core
    const { hub, packs } = this.#host
    const held = this.#versions.references()
    const encoded = hub.transfers.find({ document: core.name, base, version: core.store.version, packs }, held)
    if (encoded !== undefined) return encoded
    const whole: Bundle = bundleSince(core.store, base)
    const bundle = hub.rules.bundlesAreWhole ? whole : { ...whole, rows: whole.rows.slice(0, whole.rows.length / 2) }
    const [known] = held
    const transfer = {
      id: hub.newId(),
      document: core.name,
      base,
      version: bundle.version,
      bytes: encodeBundle(bundle, known, packs),
      known,
      packs,
    }
    hub.transfers.put(transfer, hub.clock.monotonic())
    return transfer
  }

  /** Goes on with a transfer that an earlier connection broke off. */
  #resumed(frame: OpenFrame): Outgoing | undefined {
    const { resume } = frame
    const { hub } = this.#host
    if (resume === undefined) return undefined
    const transfer = hub.transfers.get(resume.transfer, this.#core.name, hub.clock.monotonic())
    if (transfer === undefined || resume.bytes >= transfer.bytes.length) return undefined
    if (!frame.version.covers(transfer.base)) return undefined
    if (transfer.known !== undefined && !this.#host.namesVersions) return undefined
    if (transfer.packs && !this.#host.packs) return undefined
    hub.metrics.transfersResumed += 1
    return { kind: transfer.isJoin === true ? 'join' : 'bundle', transfer, offset: resume.bytes }
  }
}

/** Each author's changes in order, whatever they depend on of others. */
function byAuthor(entries: readonly KeptChange[]): KeptChange[] {
  return [...entries].sort(({ change: a }, { change: b }) => (a.author === b.author ? 0 : a.author < b.author ? -1 : 1))
}
