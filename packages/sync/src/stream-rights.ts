import type { ForkWatch } from './fork/fork-watch.ts'
import type { Permission } from './frame.ts'
import type { Hub } from './hub.ts'

/** What each side of a stream may do at the other. */
export class StreamRights {
  /** What we let the other side do. */
  given: Permission
  /** What the other side lets us do; undefined until it said so. */
  granted: Permission | undefined
  readonly #hub: Hub
  readonly #forks: ForkWatch

  constructor(hub: Hub, forks: ForkWatch, given: Permission) {
    this.#hub = hub
    this.#forks = forks
    this.given = given
  }

  /** Whether the other side may hear of anything. */
  get isReader(): boolean {
    return this.given !== 'no'
  }

  /** Whether what the other side sends is merged. */
  get isWriter(): boolean {
    return canWrite(this.given) || !this.#hub.rules.writesNeedPermission
  }

  /** Whether what we send would be merged there, and is known not to mix with the work of another. */
  get maySend(): boolean {
    return this.isReader && canWrite(this.granted) && !this.#forks.isOpen
  }
}

function canWrite(permission: Permission | undefined): boolean {
  return permission === 'write' || permission === 'admin'
}
