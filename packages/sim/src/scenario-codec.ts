/**
 * Scenarios as text for the fragment of a URL, and back.
 *
 * A link is `format byte, world, nodes, seed, duration, actions, checksum` in base64url. Times are differences, so a
 * minute of play takes a few hundred characters. Whatever somebody pastes is decoded to a valid scenario or to a plain
 * error; nothing is allocated before its size was checked.
 */
import { attempt, ByteReader, ByteWriter, base64Url, type DecodeError, type Result, rejoinError } from '@rejoin/state'
import { diskModes } from './disk.ts'
import { hashText } from './random.ts'
import {
  type Action,
  actionKinds,
  permissions,
  type Scenario,
  scenarioLimits,
  stormPresets,
  type Verb,
  verbs,
  type WorldName,
} from './scenario.ts'

/** Format 2 knows more kinds of actions and presets; links of format 1 are still read. */
const format = 2
const worlds: readonly WorldName[] = ['archipelago', 'mesh', 'hub']
/** How many kinds and presets each format knows. */
const known: Readonly<Record<number, { readonly kinds: number; readonly presets: number }>> = {
  1: { kinds: 12, presets: 4 },
  2: { kinds: actionKinds.length, presets: stormPresets.length },
}

/**
 * The URL-safe text of a scenario.
 * @throws RejoinError `invalid-scenario` when it exceeds {@link scenarioLimits} or names what does not exist.
 */
export function encodeScenario(scenario: Scenario): string {
  const out = new ByteWriter()
  out.u8(format)
  out.u8(worlds.indexOf(scenario.world))
  out.u8(scenario.nodes)
  out.varUint(scenario.seed)
  out.varUint(scenario.durationMs)
  out.varUint(scenario.actions.length)
  let lastMs = 0
  for (const action of scenario.actions) {
    if (!(Number.isInteger(action.atMs) && action.atMs >= lastMs)) {
      throw rejoinError('invalid-scenario', { details: { atMs: action.atMs, afterMs: lastMs } })
    }
    out.varUint(action.atMs - lastMs)
    lastMs = action.atMs
    writeAction(out, action)
  }
  out.u32(checksum(out.view()))
  const text = base64Url.encode(out.view())
  const check = decodeScenario(text)
  if (!check.ok) throw rejoinError('invalid-scenario', { details: { ...check.error } })
  return text
}

/** The scenario that a link's text spells. Never throws; never allocates more than a small multiple of the text. */
export function decodeScenario(text: string): Result<Scenario, DecodeError> {
  if (text.length > scenarioLimits.linkLength) {
    return refuse('too-large', 0, `a link of ${text.length} characters, at most ${scenarioLimits.linkLength} are read`)
  }
  const bytes = base64Url.decode(text)
  if (typeof bytes === 'number') return refuse('malformed', bytes, 'a character that no link has at this place')
  if (bytes.length < 4) return refuse('truncated', 0, 'the link is cut short')
  const body = bytes.subarray(0, bytes.length - 4)
  const announced = new ByteReader(bytes.subarray(bytes.length - 4)).u32()
  if (announced !== checksum(body)) return refuse('malformed', body.length, 'the checksum does not match')
  return attempt(() => readScenario(new ByteReader(body)))
}

function readScenario(input: ByteReader): Scenario {
  const knows = known[input.u8()] ?? input.fail('malformed', 'a link of another format')
  const world = pick(input, worlds, 'world')
  const nodes = atMost(input, input.u8(), scenarioLimits.nodes, 'nodes')
  if (nodes < 2) input.fail('malformed', 'a world needs at least 2 nodes')
  const seed = atMost(input, input.varUint(), 0xffff_ffff, 'seed')
  const durationMs = atMost(input, input.varUint(), scenarioLimits.durationMs, 'duration')
  const count = input.count(scenarioLimits.actions, 2)
  const actions: Action[] = []
  let atMs = 0
  for (let i = 0; i < count; i += 1) {
    atMs = atMost(input, atMs + input.varUint(), scenarioLimits.durationMs, 'time')
    actions.push(readAction(input, atMs, nodes, knows))
  }
  input.end()
  return { world, seed, nodes, durationMs, actions }
}

function writeAction(out: ByteWriter, action: Action): void {
  out.u8(actionKinds.indexOf(action.kind))
  switch (action.kind) {
    case 'write':
      out.u8(action.node)
      out.u8(verbs.indexOf(action.write.verb))
      out.varInt(action.write.number)
      out.string(action.write.text)
      return
    case 'cut':
    case 'restore':
      out.u8(action.from)
      out.u8(action.to)
      return
    case 'restore-all':
      return
    case 'storm':
      out.u8(stormPresets.indexOf(action.preset))
      out.u8(action.node)
      return
    case 'crash':
    case 'restart':
    case 'wipe':
    case 'stop':
    case 'regatta':
      out.u8(action.node)
      return
    case 'disk':
      out.u8(action.node)
      out.u8(diskModes.indexOf(action.mode))
      return
    case 'permit':
      out.u8(action.node)
      out.u8(permissions.indexOf(action.permission))
      return
    case 'clock':
      out.u8(action.node)
      out.varInt(action.byMs)
  }
}

function readAction(
  input: ByteReader,
  atMs: number,
  nodes: number,
  knows: { readonly kinds: number; readonly presets: number },
): Action {
  const kind = pick(input, actionKinds.slice(0, knows.kinds), 'action')
  const node = (): number => atMost(input, input.u8(), nodes - 1, 'node')
  switch (kind) {
    case 'write':
      return { atMs, kind, node: node(), write: readWrite(input) }
    case 'cut':
    case 'restore':
      return { atMs, kind, from: node(), to: node() }
    case 'restore-all':
      return { atMs, kind }
    case 'storm':
      return { atMs, kind, preset: pick(input, stormPresets.slice(0, knows.presets), 'preset'), node: node() }
    case 'disk':
      return { atMs, kind, node: node(), mode: pick(input, diskModes, 'disk mode') }
    case 'permit':
      return { atMs, kind, node: node(), permission: pick(input, permissions, 'permission') }
    case 'clock': {
      const which = node()
      const byMs = input.varInt()
      atMost(input, Math.abs(byMs), scenarioLimits.clockJumpMs, 'clock jump')
      return { atMs, kind, node: which, byMs }
    }
    default:
      return { atMs, kind, node: node() }
  }
}

function readWrite(input: ByteReader): { verb: Verb; number: number; text: string } {
  const verb = pick(input, verbs, 'verb')
  const number = input.varInt()
  const text = input.string(scenarioLimits.textLength * 3)
  atMost(input, text.length, scenarioLimits.textLength, 'text')
  return { verb, number, text }
}

function pick<T>(input: ByteReader, list: readonly T[], what: string): T {
  const index = input.u8()
  const found = list[index]
  return found === undefined ? input.fail('malformed', `no ${what} has the number ${index}`) : found
}

function atMost(input: ByteReader, value: number, limit: number, what: string): number {
  if (value > limit) input.fail('too-large', `${what} ${value}, at most ${limit}`)
  return value
}

function refuse(kind: DecodeError['kind'], offset: number, message: string): { ok: false; error: DecodeError } {
  return { ok: false, error: { kind, offset, message } }
}

function checksum(bytes: Uint8Array): number {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return hashText(text)
}
