/**
 * The versions of one document that its replicas name to each other, so that another one is told by what differs from it.
 *
 * Each replica has a newest one. It keeps to it while little differs from it, so that a server and a thousand clients name
 * the same few, and takes over what a server names. None is trusted: a name is that of a version that was held here.
 */
import { differences, type Store, type Version, type VersionName, versionName } from '@rejoin/state'

/** Entries of the present version that may differ from the newest base before another one is made. */
const maxDifferences = 64
/** Versions that are remembered; of a crowd of authors each may take as much memory as the version of the document. */
const maxKept = 12
const maxPeers = 64

export class BaseVersions {
  readonly #store: () => Store
  /** In order of use, the last used at the end. */
  readonly #kept = new Map<VersionName, Version>()
  readonly #byPeer = new Map<string, VersionName>()
  #newest: Version | undefined

  constructor(store: () => Store) {
    this.#store = store
  }

  /** The base to tell versions by: the newest, or one made now. */
  current(): Version {
    const { version } = this.#store()
    if (this.#newest === undefined || !isNear(version, this.#newest)) this.#newest = this.#keep(version)
    return this.#newest
  }

  /** The version of a name, if it is held here. */
  find(name: VersionName): Version | undefined {
    const { floor } = this.#store()
    const found = this.#kept.get(name)
    if (found !== undefined) this.#keep(found)
    else if (floor.size > 0 && versionName(floor) === name) return floor
    return found
  }

  /** A few to offer by their names, the last used at the end. */
  offers(): Version[] {
    const { floor } = this.#store()
    return [...(floor.size > 0 ? [floor] : []), ...[...this.#kept.values()].slice(-6)]
  }

  /** What a peer most likely holds: what was last shared with it, or else with anybody. */
  guess(peer: string): Version | undefined {
    const shared = this.#byPeer.get(peer)
    const { floor } = this.#store()
    return (
      (shared === undefined ? undefined : this.#kept.get(shared)) ??
      this.#newest ??
      [...this.#kept.values()].at(-1) ??
      (floor.size > 0 ? floor : undefined)
    )
  }

  /**
   * A peer holds this version too. Of others only what lies within the own version is remembered, as that cannot be made up.
   * `adopt`: it is to be the newest, as a server said so; among equals the one with more authors is.
   */
  share(peer: string, base: Version, adopt: boolean): void {
    this.#keep(base)
    this.#byPeer.delete(peer)
    this.#byPeer.set(peer, versionName(base))
    for (const [oldest] of this.#byPeer) {
      if (this.#byPeer.size <= maxPeers) break
      this.#byPeer.delete(oldest)
    }
    const newest = this.#newest
    if (newest === base || (!adopt && newest !== undefined && !outranks(base, newest))) return
    if (isNear(this.#store().version, base)) this.#newest = base
  }

  /** A version that was written down here once. */
  restore(base: Version): void {
    this.#keep(base)
  }

  /** Forgets all: the store was replaced. */
  clear(): void {
    this.#kept.clear()
    this.#byPeer.clear()
    this.#newest = undefined
  }

  #keep(version: Version): Version {
    this.#kept.delete(versionName(version))
    this.#kept.set(versionName(version), version)
    for (const [name, oldest] of this.#kept) {
      if (this.#kept.size <= maxKept) break
      if (oldest !== this.#newest) this.#kept.delete(name)
    }
    return version
  }
}

function isNear(version: Version, base: Version): boolean {
  return (
    version === base ||
    (version.size - base.size <= maxDifferences && differences(version, base).length <= maxDifferences)
  )
}

function outranks(left: Version, right: Version): boolean {
  return left.size === right.size ? versionName(left) > versionName(right) : left.size > right.size
}
