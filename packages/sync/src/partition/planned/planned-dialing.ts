import { rejoinError } from '@rejoin/state'
import type { Dialing } from '../../connect.ts'
import { insideOf } from '../../replica.ts'
import { DialDriver } from './dial-driver.ts'
import { type AddressView, type DialMetrics, noFailures } from './dial-metrics.ts'
import { checkedPlan, type PlannedDialingOptions, readAddresses } from './plan-options.ts'

/** Dials many addresses under one plan, for one `connect`. */
export interface PlannedDialing extends Dialing {
  /** The address book: what is known, and how it stands. Empty before it was read. */
  readonly addresses: readonly AddressView[]
  metrics(): DialMetrics
  /**
   * Where others can reach this replica, in place of what was said before. Nothing: others do not learn it, and what they
   * know already they keep.
   * @throws RejoinError `config-invalid` for what is no address.
   */
  advertise(addresses: readonly string[]): void
  /**
   * Adds addresses that something beside the peers found, as DNS; `source` names it, and is what its addresses are counted by when
   * there are too many. What is no address is left out.
   */
  learn(source: string, addresses: readonly string[]): void
  /**
   * All bootstrap addresses or anchors, in place of those before.
   * @throws RejoinError `config-invalid` for what is no address.
   */
  configure(tier: 'bootstrap' | 'anchor', addresses: readonly string[]): void
  /** Dials now whoever is not connected, whatever the wait. What is up stays. */
  redial(): void
}

/**
 * A plan for whom to dial and when, for `connect(replica, { transports, dialing })`. It keeps an address book on the disk of the
 * replica, learns addresses of servers, races over several addresses of a peer, waits with jitter and never gives up, and keeps
 * to three dials a second.
 *
 * @throws RejoinError `config-invalid` where numbers are out of range, or a text is no address.
 */
export function plannedDialing(options: PlannedDialingOptions): PlannedDialing {
  const plan = checkedPlan(options)
  let advertised = plan.advertise
  let driver: DialDriver | undefined
  let early: ((begun: DialDriver) => void)[] = []
  const tell = (what: (begun: DialDriver) => void): void => {
    if (driver === undefined) early.push(what)
    else what(driver)
  }
  return {
    begin: (replica) => {
      if (driver !== undefined)
        throw rejoinError('config-invalid', { reason: 'A plan of dialling serves one connect.' })
      driver = new DialDriver(insideOf(replica), plan)
      driver.advertise(advertised)
      for (const what of early) what(driver)
      early = []
      return driver
    },
    get addresses(): readonly AddressView[] {
      return driver?.addresses ?? []
    },
    metrics: () => driver?.metrics() ?? noDials,
    advertise: (addresses) => {
      advertised = readAddresses(plan.transports, addresses)
      driver?.advertise(advertised)
    },
    learn: (source, addresses) => {
      const found = addresses.flatMap((text) => plan.transports.read(text) ?? [])
      tell((begun) => begun.learn(source, found))
    },
    configure: (tier, addresses) => {
      const read = readAddresses(plan.transports, addresses)
      tell((begun) => begun.configure(tier, read))
    },
    redial: () => driver?.on('hint'),
  }
}

const noDials: DialMetrics = {
  dials: 0,
  failures: noFailures(),
  established: 0,
  duplicates: 0,
  breakers: { closed: 0, open: 0, 'half-open': 0 },
  addresses: { anchor: 0, bootstrap: 0, voter: 0, known: 0 },
  connected: 0,
  skippedRows: 0,
}
