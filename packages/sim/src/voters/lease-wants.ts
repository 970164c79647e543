import type { FencingToken } from '@rejoin/state'
import type { Lease, Partitions } from '@rejoin/sync/partition'

/** Who wants the lease of a world at which node: at every server somebody from the start, at any node somebody more for a while. */
export class LeaseWants {
  readonly #lease: string
  readonly #failed: (node: number, error: unknown) => void
  readonly #held = new Map<number, Set<Lease>>()
  readonly #document = { name: 'world' }

  /** `failed` is told when somebody cannot want it. */
  constructor(lease: string, failed: (node: number, error: unknown) => void) {
    this.#lease = lease
    this.#failed = failed
  }

  /** Somebody wants the lease at a node from now on. Answers how that ends. */
  begin(node: number, watch: Partitions): () => void {
    const held = this.#held.get(node) ?? new Set()
    this.#held.set(node, held)
    let lease: Lease | undefined
    let isOver = false
    watch.lease(this.#document, this.#lease).then(
      (wanted) => {
        lease = wanted
        if (isOver) wanted.release()
        else if (this.#held.get(node) === held) held.add(wanted)
      },
      (error: unknown) => {
        if (this.#held.get(node) === held) this.#failed(node, error)
      },
    )
    return () => {
      isOver = true
      lease?.release()
      if (lease !== undefined) held.delete(lease)
    }
  }

  /** Nobody wants anything at a node that is down. */
  drop(node: number): void {
    this.#held.delete(node)
  }

  /** The lease of somebody at a node who may use it; undefined where nobody may. */
  usableAt(node: number): (Lease & { readonly token: FencingToken }) | undefined {
    for (const lease of this.#held.get(node) ?? []) if (hasToken(lease)) return lease
    return undefined
  }
}

function hasToken(lease: Lease): lease is Lease & { readonly token: FencingToken } {
  return lease.token !== undefined
}
