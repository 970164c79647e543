import { type Range, rangeFault } from '../range-fault.ts'

/** What whoever has no vote goes by, and voters too. Times are milliseconds. */
export interface LinkSettings {
  /** One member is probed in each. Shorter finds more, sooner, for more traffic. */
  readonly probeIntervalMs: number
  /** `probeIntervalMs` of a hidden page, whose timers come once a minute. */
  readonly hiddenProbeIntervalMs: number
  /** After this a probe goes through helpers too: about the 99th percentile of a round trip. */
  readonly probeTimeoutMs: number
  readonly suspicionMult: number
  readonly suspicionMaxMult: number
  readonly phiPauseMs: number
}

/** For a rack or a building, for the internet, for pages, and for more than 500 members. */
export type PresetName = 'lan' | 'wan' | 'browser' | 'large'

/** Of each the least and the most, then what it is for lan, wan, browser and large. Without a fraction where the last says so. */
export type SettingsTable<T> = {
  readonly [K in keyof T]: readonly [number, number, number, number, number, number, boolean?]
}

export const hourMs = 3_600_000
export const minuteMs = 60_000

export const linkTable: SettingsTable<LinkSettings> = {
  probeIntervalMs: [50, hourMs, 1000, 5000, 5000, 1000],
  hiddenProbeIntervalMs: [50, hourMs, minuteMs, minuteMs, minuteMs, minuteMs],
  probeTimeoutMs: [10, hourMs, 500, 3000, 4000, 500],
  suspicionMult: [1, 10, 4, 6, 6, 4, true],
  suspicionMaxMult: [1, 20, 6, 6, 10, 6],
  phiPauseMs: [0, hourMs, 3000, 5000, 10_000, 3000],
}

type Row = SettingsTable<LinkSettings>['suspicionMult']

/** What a table says for a preset. */
export function presetOf<T>(table: SettingsTable<T>, name: PresetName): T {
  const column = 2 + ['lan', 'wan', 'browser', 'large'].indexOf(name)
  const rows = Object.entries<Row>(table as never)
  return Object.fromEntries(rows.map(([key, row]) => [key, row[column]])) as T
}

/** What is wrong with settings by such a table, in words; undefined where nothing is. */
export function settingsFault<T extends LinkSettings>(table: SettingsTable<T>, settings: T): string | undefined {
  const ranges = Object.entries<Row>(table as never).map(([key, [least, most, , , , , isWhole]]): [string, Range] => [
    key,
    [settings[key as keyof T] as number, least, most, isWhole === true],
  ])
  const fault = rangeFault(Object.fromEntries(ranges))
  if (fault !== undefined) return fault
  if (settings.probeTimeoutMs >= settings.probeIntervalMs) return 'probeTimeoutMs is below probeIntervalMs.'
  return settings.hiddenProbeIntervalMs < settings.probeIntervalMs
    ? 'A hidden page is no faster than one in view.'
    : undefined
}
