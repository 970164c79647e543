/**
 * A script of voters as a file: one JSON object, which a person can read and change. Whatever is in such a file is read to a sound
 * script or to what is wrong with it, in words.
 */
import { detectorPresets, type Policy } from '@rejoin/sync/partition'
import { diskModes } from '../disk.ts'
import type { LinkQuality } from '../links.ts'
import { scenarioLimits } from '../scenario.ts'
import type { Lane } from '../storms.ts'
import { type FaultScript, faultScripts, mostNodes, type VoterFault, type VoterScript } from './script.ts'

const format = 'rejoin-voters/1'
const mostFaults = 1_000
const mostMs = scenarioLimits.durationMs

/** The text of a replay file. `note` says what it once showed. */
export function writeReplayFile(script: VoterScript, note = ''): string {
  return `${JSON.stringify({ format, note, ...script })}\n`
}

/** The script in the text of a replay file, or what is wrong with it. */
export function readReplayFile(text: string): VoterScript | string {
  try {
    return scriptOf(JSON.parse(text))
  } catch (error) {
    return error instanceof FileFault ? error.message : 'not JSON'
  }
}

class FileFault extends Error {}

type Fields = Readonly<Record<string, unknown>>

function scriptOf(value: unknown): VoterScript {
  const file = object(value, 'the file')
  if (file['format'] !== format) throw new FileFault(`the format is ${format}`)
  const voters = whole(file, 'voters', 1, mostNodes)
  const clients = whole(file, 'clients', 0, mostNodes - voters)
  const nodes = voters + clients
  const founders =
    file['founders'] === undefined ? undefined : list(file, 'founders', voters).map((node) => indexIn(node, voters))
  if (founders?.length === 0) throw new FileFault('founders are at least one')
  const core = file['core'] === undefined ? undefined : list(file, 'core', nodes).map((node) => indexIn(node, voters))
  return {
    seed: whole(file, 'seed', 0, 0xffff_ffff),
    script: oneOf(file, 'script', faultScripts) as FaultScript,
    voters,
    clients,
    policy: policyOf(file['policy'], voters),
    ...(founders === undefined ? {} : { founders }),
    ...(file['arbiter'] === undefined ? {} : { arbiter: whole(file, 'arbiter', 0, voters - 1) }),
    preset: oneOf(file, 'preset', Object.keys(detectorPresets)) as VoterScript['preset'],
    ttlMs: whole(file, 'ttlMs', 100, 3_600_000),
    weather: qualityOf(file['weather']),
    isReliable: flag(file, 'isReliable'),
    dialsBoth: flag(file, 'dialsBoth'),
    ...(core === undefined ? {} : { core }),
    faults: list(file, 'faults', mostFaults).map((fault) => faultOf(object(fault, 'a fault'), nodes)),
  }
}

const policies: readonly Policy['kind'][] = ['keep-majority', 'static-quorum', 'two-thirds', 'keep-oldest']

function policyOf(value: unknown, voters: number): Policy {
  const policy = object(value, 'policy')
  const kind = oneOf(policy, 'kind', policies)
  return kind === 'static-quorum' ? { kind, voters: whole(policy, 'voters', 1, voters) } : ({ kind } as Policy)
}

function qualityOf(value: unknown): LinkQuality {
  const quality = object(value, 'weather')
  const [low, high] = list(quality, 'latencyMs', 2).map((ms) => number(ms, 'latencyMs', 0, 60_000))
  if (low === undefined || high === undefined || low > high)
    throw new FileFault('latencyMs is the least and the greatest')
  return {
    latencyMs: [low, high],
    loss: number(quality['loss'], 'loss', 0, 1),
    duplicate: number(quality['duplicate'], 'duplicate', 0, 1),
    reorder: number(quality['reorder'], 'reorder', 0, 1),
    ...(quality['bytesPerMs'] === undefined ? {} : { bytesPerMs: number(quality['bytesPerMs'], 'bytesPerMs', 1, 1e9) }),
    ...(quality['patienceMs'] === undefined
      ? {}
      : { patienceMs: number(quality['patienceMs'], 'patienceMs', 0, mostMs) }),
  }
}

const badModes = diskModes.filter((mode) => mode !== 'ok')

const kinds: readonly VoterFault['kind'][] = [
  'cut',
  'flap',
  'stop',
  'crash',
  'wipe',
  'sleep',
  'clock',
  'disk',
  'weather',
  'roster',
  'force',
  'want',
  'rest',
]

function faultOf(fault: Fields, nodes: number): VoterFault {
  const when = {
    atMs: number(fault['atMs'], 'atMs', 0, mostMs),
    ...(fault['forMs'] === undefined ? {} : { forMs: number(fault['forMs'], 'forMs', 0, mostMs) }),
  }
  const node = (): number => whole(fault, 'node', 0, nodes - 1)
  const lanes = (): Lane[] =>
    list(fault, 'lanes', nodes * nodes).map((lane) => {
      const { from, to } = object(lane, 'a lane')
      return { from: indexIn(from, nodes), to: indexIn(to, nodes) }
    })
  const kind = oneOf(fault, 'kind', kinds) as VoterFault['kind']
  switch (kind) {
    case 'cut':
      return { ...when, kind, lanes: lanes() }
    case 'flap':
      return { ...when, kind, lanes: lanes(), everyMs: number(fault['everyMs'], 'everyMs', 1, mostMs) }
    case 'wipe':
      return { ...when, kind, node: node(), ...(fault['isSpared'] === true ? { isSpared: true } : {}) }
    case 'stop':
    case 'crash':
    case 'want':
    case 'rest':
      return { ...when, kind, node: node() }
    case 'sleep': {
      const how = { stopsMonotonic: flag(fault, 'stopsMonotonic'), timersFirst: flag(fault, 'timersFirst') }
      return { ...when, kind, node: node(), ...how }
    }
    case 'clock':
      return { ...when, kind, node: node(), byMs: number(fault['byMs'], 'byMs', -mostMs, mostMs) }
    case 'disk':
      return { ...when, kind, node: node(), mode: oneOf(fault, 'mode', badModes) as 'slow' }
    case 'roster':
    case 'force': {
      const weights = list(fault, 'weights', nodes).map((weight) => whole({ weight }, 'weight', 0, 255))
      const policy = fault['policy'] === undefined ? {} : { policy: oneOf(fault, 'policy', policies) as Policy['kind'] }
      return { ...when, kind, node: node(), weights, ...policy }
    }
    case 'weather':
      return { ...when, kind, quality: qualityOf(fault['quality']) }
  }
}

function object(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new FileFault(`${what} is no object`)
  return value as Fields
}

function list(fields: Fields, name: string, most: number): readonly unknown[] {
  const value = fields[name]
  if (!Array.isArray(value) || value.length > most) throw new FileFault(`${name} is no list of at most ${most}`)
  return value
}

function number(value: unknown, name: string, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw new FileFault(`${name} is a number from ${least} to ${most}`)
  return value
}

function whole(fields: Fields, name: string, least: number, most: number): number {
  const value = number(fields[name], name, least, most)
  if (!Number.isInteger(value)) throw new FileFault(`${name} is a whole number`)
  return value
}

function indexIn(value: unknown, nodes: number): number {
  return whole({ value }, 'value', 0, nodes - 1)
}

function flag(fields: Fields, name: string): boolean {
  const value = fields[name]
  if (typeof value !== 'boolean') throw new FileFault(`${name} is true or false`)
  return value
}

function oneOf(fields: Fields, name: string, words: readonly string[]): string {
  const value = fields[name]
  if (typeof value !== 'string' || !words.includes(value)) throw new FileFault(`${name} is one of ${words.join(', ')}`)
  return value
}
