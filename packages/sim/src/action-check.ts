/** Whether a world can do what it is told: an action that names what does not exist would do nothing, and nobody would know. */
import { diskModes } from './disk.ts'
import { invalid, needOneOf, needRange, needWhole } from './invalid.ts'
import { type Action, actionKinds, permissions, scenarioLimits, stormPresets, verbs, type Write } from './scenario.ts'

/**
 * @throws RejoinError `invalid-scenario` when the action is of another time than now, or names a kind, node, verb, preset, mode or
 *   permission that does not exist.
 */
export function checkAction(action: Action, nodes: number, nowMs: number): void {
  const { atMs } = action
  needOneOf('kind', action.kind, actionKinds)
  // The present millisecond may be meant by its whole number.
  if (!(atMs >= Math.floor(nowMs) && atMs <= nowMs))
    throw invalid(
      'atMs',
      atMs,
      `the present, ${nowMs} ms: an action is done at once, so run the world up to its time first`,
    )
  if (action.kind === 'restore-all') return
  if (action.kind === 'cut' || action.kind === 'restore') {
    needWhole('from', action.from, 0, nodes - 1)
    needWhole('to', action.to, 0, nodes - 1)
    return
  }
  needWhole('node', (action as Extract<Action, { readonly node: number }>).node, 0, nodes - 1)
  if (action.kind === 'write') checkWrite(action.write)
  else if (action.kind === 'storm') needOneOf('preset', action.preset, stormPresets)
  else if (action.kind === 'disk') needOneOf('mode', action.mode, diskModes)
  else if (action.kind === 'permit') needOneOf('permission', action.permission, permissions)
  else if (action.kind === 'clock') {
    const { clockJumpMs } = scenarioLimits
    needRange('byMs', action.byMs, -clockJumpMs, clockJumpMs)
  }
}

function checkWrite(write: Write | undefined): void {
  needOneOf('write.verb', write?.verb, verbs)
  if (!Number.isFinite(write?.number)) throw invalid('write.number', write?.number, 'a number')
  if (typeof write?.text !== 'string') throw invalid('write.text', write?.text, 'a string')
}
