import { type Range, rangeFault } from '../range-fault.ts'

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

const hourMs = 3_600_000
const minuteMs = 60_000

/** Of each the least and the most, then what it is for lan, wan, browser and large. Without a fraction where the last says so. */
const table: {
  readonly [K in keyof DetectorSettings]: readonly [number, number, number, number, number, number, boolean?]
} = {
  probeIntervalMs: [50, hourMs, 1000, 5000, 5000, 1000],
  hiddenProbeIntervalMs: [50, hourMs, minuteMs, minuteMs, minuteMs, minuteMs],
  probeTimeoutMs: [10, hourMs, 500, 3000, 4000, 500],
  helpers: [0, 16, 3, 3, 3, 3, true],
  suspicionMult: [1, 10, 4, 6, 6, 4, true],
  suspicionMaxMult: [1, 20, 6, 6, 10, 6],
  retransmitMult: [1, 10, 4, 4, 4, 4, true],
  gossipIntervalMs: [10, hourMs, 200, 500, 500, 200],
  gossipFanout: [1, 16, 3, 4, 4, 4, true],
  tableIntervalMs: [100, hourMs, 30_000, minuteMs, minuteMs, 30_000],
  unreachableProbeMs: [100, hourMs, 30_000, minuteMs, minuteMs, minuteMs],
  heartbeatMs: [50, hourMs, 1000, 5000, 5000, 1000],
  hiddenHeartbeatMs: [50, hourMs, minuteMs, minuteMs, minuteMs, minuteMs],
  phiThreshold: [1, 16, 8, 10, 12, 8],
  phiPauseMs: [0, hourMs, 3000, 5000, 10_000, 3000],
}
const rows = Object.entries(table) as [keyof DetectorSettings, (typeof table)['helpers']][]

const preset = (column: 2 | 3 | 4 | 5): DetectorSettings =>
  Object.fromEntries(rows.map(([name, row]) => [name, row[column]])) as Record<keyof DetectorSettings, number>

/**
 * Settings for a rack or a building, for the internet, for pages, and for more than 500 members. The first two are those of
 * HashiCorp's memberlist, with the phi of Akka.
 */
export const detectorPresets: Readonly<Record<'lan' | 'wan' | 'browser' | 'large', DetectorSettings>> = {
  lan: preset(2),
  wan: preset(3),
  browser: preset(4),
  large: preset(5),
}

/** What is wrong with settings, in words; undefined where nothing is. */
export function detectorSettingsFault(settings: DetectorSettings): string | undefined {
  const ranges = rows.map(([name, [least, most, , , , , isWhole]]): [string, Range] => [
    name,
    [settings[name], least, most, isWhole === true],
  ])
  const fault = rangeFault(Object.fromEntries(ranges))
  if (fault !== undefined) return fault
  if (settings.probeTimeoutMs >= settings.probeIntervalMs) return 'probeTimeoutMs is below probeIntervalMs.'
  if (settings.hiddenProbeIntervalMs < settings.probeIntervalMs || settings.hiddenHeartbeatMs < settings.heartbeatMs)
    return 'A hidden page is no faster than one in view.'
  return undefined
}
