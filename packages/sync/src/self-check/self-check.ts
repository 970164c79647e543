/**
 * The part of a stream that compares states: digests at equal versions, the search for where two states differ, the
 * alarm with its trace, and the repair from a server.
 *
 * Invariants
 * 1. At most one search and one repair are under way on a stream, and each ends by itself, whatever the other side does.
 * 2. An alarm is raised for each search that found the two sides at rest, also where the other side told nothing.
 * 3. Only a server's state takes the place of ours, and only at somebody who is none.
 */
import type { Bundle, Path, PlaceDigests, Version } from '@rejoin/state'
import { digestOf, digestsBelow } from '@rejoin/state'
import { encodeFrame } from '../codec.ts'
import type { DocumentCore } from '../document-core.ts'
import type { InspectedFrame, InspectFrame } from '../frame.ts'
import type { DivergenceEvent } from '../hub.ts'
import type { StreamHost } from '../stream-host.ts'
import type { StreamVersions } from '../stream-versions.ts'
import { DivergenceWalk, walkLimits } from './divergence-walk.ts'
import { adopt } from './repair.ts'
import { contentAt, contentCharacters, traceOf } from './trace.ts'

/** Heartbeats after which an unchanged version is compared again, and one of many authors at all. */
const ticksBetween = 6
const manyAuthors = 256
/** Heartbeats until a search or a state that does not come is given up. */
const searchTicks = 2
const stateTicks = 6
/** Between searches on one stream, and questions answered in that time. */
const searchPauseMs = 30_000
const answersPerPause = 40
/** Searches in a row that may come to nothing because somebody wrote meanwhile. */
const patience = 3
const frameOverheadBytes = 256

interface Search {
  readonly version: Version
  readonly ours: string
  readonly theirs: string
  readonly walk: DivergenceWalk
  ticks: number
  isReading: boolean
}

export class SelfCheck {
  readonly #host: StreamHost
  readonly #core: DocumentCore
  readonly #versions: StreamVersions
  /** The other side's handle; 0 while it does not take part. */
  readonly #handle: () => number
  #told: Version | undefined
  #ticksSince = 0
  #search: Search | undefined
  #searchAt = Number.NEGATIVE_INFINITY
  #moved = 0
  #stateTicks = 0
  #isAdopting = false
  #answered = 0
  #answeredSince = Number.NEGATIVE_INFINITY

  constructor(host: StreamHost, core: DocumentCore, versions: StreamVersions, handle: () => number) {
    this.#host = host
    this.#core = core
    this.#versions = versions
    this.#handle = handle
  }

  /** A heartbeat. `mayTell`: the other side reads what we send, and has all of it. */
  tick(mayTell: boolean): void {
    const { health, store } = this.#core
    health.tick()
    const search = this.#search
    if (search !== undefined && ++search.ticks > searchTicks) this.#finish(search, '')
    if (this.#stateTicks > 0) this.#stateTicks -= 1
    this.#ticksSince += 1
    if (!mayTell || health.isRebuilding) return
    const isDue =
      this.#ticksSince >= ticksBetween || (this.#told !== store.version && store.version.size <= manyAuthors)
    if (isDue) this.#tell()
  }

  #tell(): void {
    const { store } = this.#core
    this.#told = store.version
    this.#ticksSince = 0
    this.#versions.send({ kind: 'digest', handle: this.#handle(), version: store.version, digest: digestOf(store) })
  }

  /** The other side says what it has. */
  compare(version: Version, theirs: string): void {
    const core = this.#core
    const { hub } = this.#host
    if (!hub.rules.digestsAreCompared || core.health.isRebuilding || !core.store.version.equals(version)) return
    if (digestOf(core.store) === theirs) return
    hub.metrics.divergences += 1
    const now = hub.clock.monotonic()
    if (this.#search !== undefined || this.#isAwaiting || now < this.#searchAt) return
    if (this.#handle() === 0 || !core.health.examinations.take(now)) return
    // It may be us: then our own disk knows better, and nobody else needs to be asked.
    if (!core.health.isSound()) return
    this.#searchAt = now + searchPauseMs
    const walk = new DivergenceWalk(core.store)
    const search = { version, ours: digestOf(core.store), theirs, walk, ticks: 0, isReading: false }
    this.#search = search
    // So that it looks, too.
    this.#tell()
    if (this.#host.tellsSubtrees) this.#ask(search)
    else this.#finish(search, '')
  }

  /** Answers a question of the other side. */
  inspect({ digest, content, places }: InspectFrame): void {
    const { hub } = this.#host
    const now = hub.clock.monotonic()
    if (now - this.#answeredSince >= searchPauseMs) {
      this.#answeredSince = now
      this.#answered = 0
    }
    this.#answered += 1
    if (this.#answered > answersPerPause) {
      this.#host.fail('protocol-error', 'too many inspections')
      return
    }
    const { store } = this.#core
    const frame = { kind: 'inspected', handle: this.#handle(), digest: digestOf(store) } as const
    const answers: PlaceDigests[] = []
    let told = ''
    if (frame.digest === digest && content) {
      const paths = places.map(({ path }) => path)
      told = contentAt(store, paths, Math.min(contentCharacters, Math.floor(this.#frameBytes / 4)))
    } else if (frame.digest === digest) {
      for (const place of places.slice(0, walkLimits.places)) answers.push(listed(digestsBelow(store, place)))
      while (answers.length > 0 && encodeFrame({ ...frame, answers, content: '' }).length > this.#frameBytes) {
        answers.pop()
      }
    }
    this.#host.send({ ...frame, answers, content: told })
  }

  /** The other side answers. */
  inspected(frame: InspectedFrame): void {
    const search = this.#search
    // A search that was given up.
    if (search === undefined) return
    if (frame.digest !== search.theirs || digestOf(this.#core.store) !== search.ours) this.#interrupted(search)
    else if (search.isReading) this.#finish(search, frame.content)
    else {
      search.walk.take(frame.answers)
      this.#ask(search)
    }
  }

  /** A bundle came, and was merged as any other: perhaps it is the state that is awaited for a repair. */
  whole(bundle: Bundle): void {
    if (this.#stateTicks === 0 || this.#isAdopting || bundle.base.size > 0) return
    this.#stateTicks = 0
    this.#isAdopting = true
    adopt(this.#core, bundle, () => {
      this.#isAdopting = false
    })
  }

  /** The other side takes part anew: what it sends next is no answer to what was asked. */
  reopened(): void {
    this.#told = undefined
    if (this.#search !== undefined) this.#interrupted(this.#search)
    if (this.#stateTicks > 0) this.#askForState()
  }

  /** The store was replaced: what was found of the one before says nothing any more. */
  restarted(): void {
    this.#told = undefined
    this.#search = undefined
    this.#stateTicks = 0
  }

  /** The connection is gone, or one side leaves. */
  end(): void {
    this.#stateTicks = 0
    if (this.#search !== undefined) this.#interrupted(this.#search)
  }

  get #isAwaiting(): boolean {
    return this.#stateTicks > 0 || this.#isAdopting
  }

  get #frameBytes(): number {
    return this.#host.peerFrameBytes - frameOverheadBytes
  }

  #ask(search: Search): void {
    const places = search.walk.next(this.#frameBytes - frameOverheadBytes)
    search.isReading = places.length === 0
    const frame: InspectFrame = {
      kind: 'inspect',
      handle: this.#handle(),
      digest: search.theirs,
      content: search.isReading,
      places: search.isReading ? search.walk.paths.map((path) => ({ path, bits: 0, bucket: 0 })) : places,
    }
    if (encodeFrame(frame).length > this.#frameBytes) this.#finish(search, '')
    else this.#host.send(frame)
  }

  /** Somebody wrote meanwhile. What was found by then counts; where that is nothing, the next comparison goes on. */
  #interrupted(search: Search): void {
    const isKnown = search.walk.paths.some((path) => path.length > 0)
    this.#moved += 1
    if (isKnown || this.#moved >= patience) this.#finish(search, '')
    else this.#search = undefined
  }

  #finish(search: Search, theirContent: string): void {
    const core = this.#core
    const { hub } = this.#host
    this.#search = undefined
    this.#moved = 0
    const { version, ours, theirs, walk } = search
    const paths = walk.paths
    const repair = this.#wayOut()
    const peer = this.#host.peerName
    const atMs = hub.clock.now()
    const header = { document: core.name, atMs, replica: hub.name || hub.id, role: hub.role, peer, ours, theirs }
    const trace = traceOf({ ...header, version, paths }, this.#content(paths), theirContent)
    hub.diverged({ document: core.name, peer, version: version.toJSON(), ours, theirs, paths, repair, trace })
    if (repair === 'adopting') this.#askForState()
  }

  #content(paths: readonly Path[]): string {
    return contentAt(this.#core.store, paths, contentCharacters)
  }

  /** Invariant 3. */
  #wayOut(): DivergenceEvent['repair'] {
    const { hub, isServer } = this.#host
    if (!isServer || hub.role === 'server' || this.#handle() === 0) return 'none'
    return this.#core.health.repairs.take(hub.clock.monotonic()) ? 'adopting' : 'exhausted'
  }

  #askForState(): void {
    this.#stateTicks = stateTicks
    this.#host.hub.metrics.needs += 1
    this.#versions.send({ kind: 'need', handle: this.#handle(), version: this.#core.store.version, full: true })
  }
}

/** More names than are read are only there when somebody made them meet in one bucket. */
function listed(digests: PlaceDigests): PlaceDigests {
  if (digests.children.by !== 'name' || digests.children.digests.size <= 256) return digests
  return { ...digests, children: { by: 'name', digests: new Map([...digests.children.digests].slice(0, 256)) } }
}
