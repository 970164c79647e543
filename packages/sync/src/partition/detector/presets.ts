/**
 * What a detector goes by. Times are milliseconds; with n members and log = log10, at least 1:
 * a suspicion ends in `unreachable` after `suspicionMult * log(n) * probeIntervalMs` where enough others share it, and after
 * `suspicionMaxMult` times that where nobody does.
 */
export interface DetectorSettings {
  /** One member is probed in each. Shorter finds more, sooner, for more traffic. */
  readonly probeIntervalMs: number
  /** `probeIntervalMs` of a hidden page, whose timers come once a minute. */
  readonly hiddenProbeIntervalMs: number
  /** After this a probe goes through helpers too: about the 99th percentile of a round trip. */
  readonly probeTimeoutMs: number
  /** Helpers asked to probe whom we do not reach. */
  readonly helpers: number
  readonly suspicionMult: number
  readonly suspicionMaxMult: number
  /** Each rumour is sent `retransmitMult * ceil(log10(n + 1))` times. */
  readonly retransmitMult: number
  /** Rumours wait for probes and acks to ride on no longer than this. */
  readonly gossipIntervalMs: number
  /** To how many they are sent then. */
  readonly gossipFanout: number
  /** Time between exchanges of the whole table with a random member; above 32 members it grows with log2(n / 32). */
  readonly tableIntervalMs: number
  /** Whoever is unreachable is probed this often, for ever. */
  readonly unreachableProbeMs: number
  /** Heartbeats on each connection, and those of a hidden page. */
  readonly heartbeatMs: number
  readonly hiddenHeartbeatMs: number
  /** See `PhiOptions`. */
  readonly phiThreshold: number
  readonly phiPauseMs: number
}

const lan: DetectorSettings = {
  probeIntervalMs: 1000,
  hiddenProbeIntervalMs: 60_000,
  probeTimeoutMs: 500,
  helpers: 3,
  suspicionMult: 4,
  suspicionMaxMult: 6,
  retransmitMult: 4,
  gossipIntervalMs: 200,
  gossipFanout: 3,
  tableIntervalMs: 30_000,
  unreachableProbeMs: 30_000,
  heartbeatMs: 1000,
  hiddenHeartbeatMs: 60_000,
  phiThreshold: 8,
  phiPauseMs: 3000,
}

const wan: DetectorSettings = {
  ...lan,
  probeIntervalMs: 5000,
  probeTimeoutMs: 3000,
  suspicionMult: 6,
  gossipIntervalMs: 500,
  gossipFanout: 4,
  tableIntervalMs: 60_000,
  unreachableProbeMs: 60_000,
  heartbeatMs: 5000,
  phiThreshold: 10,
  phiPauseMs: 5000,
}

/**
 * Settings for a rack or a building, for the internet, for pages, and for more than 500 members. The first two are those of
 * HashiCorp's memberlist, with the phi of Akka.
 */
export const detectorPresets: Readonly<Record<'lan' | 'wan' | 'browser' | 'large', DetectorSettings>> = {
  lan,
  wan,
  browser: { ...wan, probeTimeoutMs: 4000, suspicionMaxMult: 10, phiThreshold: 12, phiPauseMs: 10_000 },
  large: { ...lan, gossipFanout: 4, unreachableProbeMs: 60_000 },
}

const hourMs = 3_600_000

/** Least and greatest of each. */
const ranges: Readonly<Record<keyof DetectorSettings, readonly [number, number]>> = {
  probeIntervalMs: [50, hourMs],
  hiddenProbeIntervalMs: [50, hourMs],
  probeTimeoutMs: [10, hourMs],
  helpers: [0, 16],
  suspicionMult: [1, 10],
  suspicionMaxMult: [1, 20],
  retransmitMult: [1, 10],
  gossipIntervalMs: [10, hourMs],
  gossipFanout: [1, 16],
  tableIntervalMs: [100, hourMs],
  unreachableProbeMs: [100, hourMs],
  heartbeatMs: [50, hourMs],
  hiddenHeartbeatMs: [50, hourMs],
  phiThreshold: [1, 16],
  phiPauseMs: [0, hourMs],
}

const counts: ReadonlySet<string> = new Set(['helpers', 'gossipFanout', 'retransmitMult', 'suspicionMult'])

/** What is wrong with settings, in words; undefined where nothing is. */
export function detectorSettingsFault(settings: DetectorSettings): string | undefined {
  for (const name of Object.keys(ranges) as (keyof DetectorSettings)[]) {
    const [least, most] = ranges[name]
    const value = settings[name]
    // Asked so that NaN is refused too.
    if (!(value >= least && value <= most)) return `${name} is ${least} to ${most}.`
    if (counts.has(name) && !Number.isInteger(value)) return `${name} is a whole number.`
  }
  if (settings.probeTimeoutMs >= settings.probeIntervalMs) return 'probeTimeoutMs is below probeIntervalMs.'
  if (settings.hiddenProbeIntervalMs < settings.probeIntervalMs || settings.hiddenHeartbeatMs < settings.heartbeatMs)
    return 'A hidden page is no faster than one in view.'
  return undefined
}
