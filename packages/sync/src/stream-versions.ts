/**
 * How the versions of one stream travel: whole while they have few authors, else by what differs from a version that the
 * other side holds.
 *
 * Invariants
 * 1. A version is certain when the other side sent it, offered its name, or was told it whole or by what differs from a
 *    certain one: frames are taken in in their order, so it can be resolved by whatever follows.
 * 2. Only `open` may rest on a guess. Whoever does not hold what it names recalls it, and it is told again, by what
 *    the other side says it holds or whole. Everything else rests on what is certain, so not to hold that is an error.
 * 3. Contexts and bundles of the stream refer to its last certain versions, which both sides keep.
 */
import {
  differences,
  type Version,
  type VersionEntry,
  type VersionLookup,
  type VersionName,
  versionName,
} from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import type { Frame, ToldVersion, VersionFrame } from './frame.ts'
import type { StreamHost } from './stream-host.ts'

/** Versions that came, of which the other side may still refer to the last that it sent. */
const keptReceived = 4
/** Versions that went, of which the other side may refer to the last that it heard. */
const keptSent = 8
/** Bytes of an entry, about, and of a name. */
const entryBytes = 10
const nameBytes = 16

interface Telling {
  readonly base: Version
  readonly entries: readonly VersionEntry[]
  /** Whether the base goes whole. */
  readonly isWhole: boolean
  readonly isCertain: boolean
}

/** What sends versions as they travel. */
export interface VersionsHost extends StreamHost {
  send(frame: Frame): void
}

export class StreamVersions {
  readonly #host: VersionsHost
  readonly #core: DocumentCore
  #sent: Version[] = []
  #received: Version[] = []
  /** The last version that was sent and is certain. */
  #certain: Version | undefined
  /** Of what the other side offered, what is held here. */
  #offered: readonly Version[] = []
  /** What was offered to the other side: it may name that. */
  #lent: readonly Version[] = []
  /** The version of the last `open`. */
  #opening: { readonly version: Version; readonly isCertain: boolean } | undefined
  #mayGuess = true
  /** Frames that were told by a guess: each may be recalled. */
  #guesses = 0
  /** The base that the other side tells its versions by, until it is remembered. */
  #theirBase: Version | undefined

  constructor(host: VersionsHost, core: DocumentCore) {
    this.#host = host
    this.#core = core
  }

  /** The other side takes part by a new stream: of what was sent that one heard the last `open` only. */
  renewed(): void {
    this.#sent = this.#opening === undefined ? [] : [this.#opening.version]
    this.#certain = this.#opening?.isCertain === true ? this.#opening.version : undefined
  }

  /** Finds what the other side may name. */
  readonly lookup: VersionLookup = (name) => {
    const isNamed = (version: Version): boolean => versionName(version) === name
    const here = [this.#received, this.#sent, this.#lent, this.#offered].flat().find(isNamed)
    return here ?? this.#core.bases.find(name)
  }

  /** Versions that the other side holds for certain, for contexts and bundles to refer to. */
  references(): readonly Version[] {
    const received = this.#received.at(-1)
    const references = this.#certain === undefined ? [] : [this.#certain]
    return received === undefined ? references : [...references, received]
  }

  /** Sends a frame with its version as it travels. */
  send(frame: VersionFrame): void {
    this.#host.send(this.#told(frame))
  }

  #told(frame: VersionFrame): VersionFrame {
    const { version } = frame
    if (!this.#host.namesVersions || version.size < this.#core.hub.limits.namedVersionAuthors) return frame
    const telling = this.#tell(version, frame.kind === 'open')
    const { base, isWhole, entries } = telling
    const offers = frame.kind === 'open' ? this.#core.bases.offers() : []
    if (frame.kind === 'open') this.#lent = offers
    const told: ToldVersion = { base: isWhole ? base : versionName(base), entries, names: offers.map(versionName) }
    if (!telling.isCertain) this.#guesses += 1
    if (frame.kind === 'open') this.#opening = { version, isCertain: telling.isCertain }
    if (frame.kind === 'open' || frame.kind === 'opened') {
      this.#sent = [...this.#sent, version].slice(-keptSent)
      if (telling.isCertain) this.#certain = version
    }
    return { ...frame, told }
  }

  /** A frame with the version that it tells; undefined where it rests on one that is not held here. */
  resolved<F extends VersionFrame>(frame: F): F | undefined {
    const { told } = frame
    if (told === undefined) return frame
    if (told.names.length > 0) this.#offered = told.names.flatMap((name) => this.#core.bases.find(name) ?? [])
    const base = typeof told.base === 'string' ? this.lookup(told.base) : told.base
    if (base === undefined) return undefined
    const version = base.patched(told.entries)
    if (frame.kind === 'open' || frame.kind === 'opened') {
      this.#received = [...this.#received, version].slice(-keptReceived)
      this.#theirBase = base
      this.remember()
    }
    return { ...frame, version }
  }

  /** Names the other side offered that are held here. */
  offered(): VersionName[] {
    return this.#offered.map(versionName)
  }

  /** The other side does not hold what an `open` named; it holds some of what was offered. False where none was a guess. */
  recalled(names: readonly VersionName[]): boolean {
    if (this.#guesses === 0) return false
    this.#guesses -= 1
    this.#mayGuess = false
    this.#offered = names.flatMap((name) => this.#core.bases.find(name) ?? [])
    return true
  }

  /** Keeps the base of the other side for the next time, once all of it is known here. To be called now and then. */
  remember(): void {
    const base = this.#theirBase
    if (base === undefined || !this.#core.store.version.covers(base)) return
    this.#theirBase = undefined
    this.#core.bases.share(this.#host.peerName, base, this.#host.isServer)
  }

  #tell(version: Version, mayGuess: boolean): Telling {
    let best: Telling | undefined
    let bytes = version.size * entryBytes
    const consider = (base: Version, isCertain: boolean): void => {
      const entries = differences(version, base)
      const cost = nameBytes + entries.length * entryBytes
      if (cost >= bytes) return
      best = { base, entries, isWhole: false, isCertain }
      bytes = cost
    }
    for (const base of [...this.references(), ...this.#offered]) consider(base, true)
    if (best === undefined && mayGuess && this.#mayGuess) {
      const guess = this.#core.bases.guess(this.#host.peerName)
      if (guess !== undefined) consider(guess, false)
    }
    if (best !== undefined) return best
    const base = this.#core.bases.current()
    const entries = differences(version, base)
    const isApart = entries.length > version.size / 4
    return { base: isApart ? version : base, entries: isApart ? [] : entries, isWhole: true, isCertain: true }
  }
}

/** Whether a frame tells a version. */
export function tellsVersion(frame: Frame): frame is VersionFrame {
  return 'version' in frame && frame.kind !== 'ack'
}
