import { mostVoters, type NodeId } from './roster.ts'
import type { SeenProcess } from './roster-record.ts'

/** Which processes of other servers were heard of, and whom this one told of itself. Of as many as a roster may have. */
export class RosterProcesses {
  readonly #heard = new Map<NodeId, number>()
  readonly #toldAt = new Map<NodeId, number>()
  readonly #againMs: number

  constructor(againMs: number) {
    this.#againMs = againMs
  }

  /** Those that were heard of last. */
  get seen(): SeenProcess[] {
    return [...this.#heard].map(([id, nonce]) => ({ id, nonce }))
  }

  /** Another server has told of its process. */
  heard(id: NodeId, nonce: number): void {
    setNewest(this.#heard, id, nonce)
  }

  /** A connection begins: what was told over another one may be lost with it. */
  met(id: NodeId): void {
    this.#toldAt.delete(id)
  }

  /** Whether somebody is to be told of this process: now and then, as the first word of it may be lost. */
  tells(id: NodeId, now: number): boolean {
    if (now < (this.#toldAt.get(id) ?? Number.NEGATIVE_INFINITY) + this.#againMs) return false
    setNewest(this.#toldAt, id, now)
    return true
  }
}

function setNewest(by: Map<NodeId, number>, id: NodeId, value: number): void {
  by.delete(id)
  for (const oldest of by.keys()) if (by.size >= mostVoters) by.delete(oldest)
  by.set(id, value)
}
