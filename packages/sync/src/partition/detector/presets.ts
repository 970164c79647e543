import {
  hourMs,
  type LinkSettings,
  linkTable,
  minuteMs,
  type PresetName,
  presetOf,
  type SettingsTable,
  settingsFault,
} from './link-presets.ts'

/**
 * What a detector goes by. Times are milliseconds; with n members and log = log10, at least 1:
 * a suspicion ends in `unreachable` after `suspicionMult * log(n) * probeIntervalMs` where enough others share it, and after
 * `suspicionMaxMult` times that where nobody does.
 */
export interface DetectorSettings extends LinkSettings {
  /** Helpers asked to probe whom we do not reach. */
  readonly helpers: number
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
}

const table: SettingsTable<DetectorSettings> = {
  ...linkTable,
  helpers: [0, 16, 3, 3, 3, 3, true],
  retransmitMult: [1, 10, 4, 4, 4, 4, true],
  gossipIntervalMs: [10, hourMs, 200, 500, 500, 200],
  gossipFanout: [1, 16, 3, 4, 4, 4, true],
  tableIntervalMs: [100, hourMs, 30_000, minuteMs, minuteMs, 30_000],
  unreachableProbeMs: [100, hourMs, 30_000, minuteMs, minuteMs, minuteMs],
  heartbeatMs: [50, hourMs, 1000, 5000, 5000, 1000],
  hiddenHeartbeatMs: [50, hourMs, minuteMs, minuteMs, minuteMs, minuteMs],
  phiThreshold: [1, 16, 8, 10, 12, 8],
}

/**
 * Settings for a rack or a building, for the internet, for pages, and for more than 500 members. The first two are those of
 * HashiCorp's memberlist, with the phi of Akka.
 */
export const detectorPresets: Readonly<Record<PresetName, DetectorSettings>> = {
  lan: presetOf(table, 'lan'),
  wan: presetOf(table, 'wan'),
  browser: presetOf(table, 'browser'),
  large: presetOf(table, 'large'),
}

/** What is wrong with settings, in words; undefined where nothing is. */
export function detectorSettingsFault(settings: DetectorSettings): string | undefined {
  const fault = settingsFault(table, settings)
  if (fault !== undefined) return fault
  return settings.hiddenHeartbeatMs < settings.heartbeatMs ? 'A hidden page is no faster than one in view.' : undefined
}
