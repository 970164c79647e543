import { type FencingToken, fenced, schema } from '@rejoin/state'
import type { DocumentHandle } from '@rejoin/sync'
import { type Lease, votedLeases, watchPartitions } from '@rejoin/sync/partition'
import type { Client } from './clients.ts'

const Match = schema({ round: fenced(0, { lease: 'captain' }) })
const ttlMs = 6000
const lookMs = 5
const roundMs = 100

interface Captain {
  readonly name: string
  readonly lease: Lease
  readonly match: DocumentHandle<typeof Match>
}

/** Clients that want one lease, each connected with all voters as its server is. Whoever holds it begins rounds, one after the other. */
export class Captains {
  /** What must not happen, in words. */
  readonly wrong: string[] = []
  /** Who holds the lease. */
  holder: string | undefined
  /** Rounds that a quorum stored. */
  readonly counted = new Set<number>()
  readonly #captains: Captain[] = []
  readonly #clients: Client[] = []
  readonly #timer: NodeJS.Timeout
  #last: FencingToken | undefined
  #beganAt = 0

  constructor() {
    this.#timer = setInterval(() => this.#look(), lookMs)
  }

  async add(name: string, client: Client): Promise<void> {
    this.#clients.push(client)
    const { replica } = client
    const match = await replica.open('match', Match)
    const watch = watchPartitions(replica, { leases: votedLeases })
    this.#captains.push({ name, match, lease: await watch.lease(match, 'captain', { ttlMs }) })
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    for (const client of this.#clients) await client.close()
  }

  #look(): void {
    const holders = this.#captains.filter(({ lease }) => lease.token !== undefined)
    if (holders.length > 1) this.wrong.push(`held by ${holders.map(({ name }) => name).join(' and ')}`)
    const [holder] = holders
    this.holder = holder?.name
    const token = holder?.lease.token
    if (holder === undefined || token === undefined) return
    const isLess = this.#last !== undefined && (token.epoch - this.#last.epoch || token.ballot - this.#last.ballot) < 0
    if (isLess) this.wrong.push(`the token fell to ${token.epoch}.${token.ballot}`)
    this.#last = token
    if (performance.now() >= this.#beganAt + roundMs) this.#begin(holder, token)
  }

  #begin({ name, lease, match }: Captain, token: FencingToken): void {
    this.#beganAt = performance.now()
    const receipt = match.change((draft) => draft.round.set(draft.round.get() + 1), { token })
    const { round } = match.snapshot
    lease.reached(receipt).then(
      () => {
        if (this.counted.has(round)) this.wrong.push(`round ${round} was begun again by ${name}`)
        this.counted.add(round)
      },
      // It was lost with the lease, as one is told: the next holder may begin the same.
      () => undefined,
    )
  }
}
