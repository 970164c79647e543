/** Events in words: present tense, plain, islands act and the engine stays out of the sentence. */
import type { ChartEvent, ConflictCard, WriteOp } from './events.ts'
import {
  bytesText,
  clockText,
  countText,
  type IslandFrame,
  listText,
  type StormMode,
  seatName,
  secondsText,
} from './frame.ts'
import { sideText } from './stand.ts'

/** Name of a storm: what the presets are called. */
export const stormNames: Readonly<Record<StormMode, string>> = {
  'isolate-one': 'isolate one',
  halves: 'halves',
  'one-way': 'one-way',
  flicker: 'flicker',
  bridge: 'bridge',
  'majorities-ring': 'majorities',
  brush: 'drawn',
}

/** What a write does, after the name of who does it: `raises the star`. */
export function opText(op: WriteOp): string {
  switch (op.leaf) {
    case 'flag':
      return `raises the ${op.value}`
    case 'chest':
      return op.way === 'add' ? `puts in the ${op.item}` : `takes out the ${op.item}`
    case 'tally':
      return op.by >= 0 ? `adds ${op.by} to the tally` : `takes ${-op.by} off the tally`
    case 'log':
      return `writes “${op.text}”`
  }
}

/** The same in the past, for a report: `raised the star`. Tallies of one side are summed into one line. */
export function didText(ops: readonly WriteOp[]): string[] {
  const lines: string[] = []
  const flags = ops.filter((op) => op.leaf === 'flag').map((op) => op.value)
  if (flags.length > 0) lines.push(`raised the ${listText([...new Set(flags)])}`)
  const out = ops.flatMap((op) => (op.leaf === 'chest' && op.way === 'remove' ? [op.item] : []))
  const into = ops.flatMap((op) => (op.leaf === 'chest' && op.way === 'add' ? [op.item] : []))
  if (out.length > 0) lines.push(`took out the ${listText([...new Set(out)])}`)
  if (into.length > 0) lines.push(`put in ${listText([...new Set(into)])}`)
  const tally = ops.reduce((sum, op) => sum + (op.leaf === 'tally' ? op.by : 0), 0)
  if (ops.some((op) => op.leaf === 'tally')) lines.push(`tally ${tally >= 0 ? '+' : ''}${tally}`)
  const told = ops.filter((op) => op.leaf === 'log').length
  if (told > 0) lines.push(`wrote ${countText(told, 'line')}`)
  return lines
}

/** An entry of the incidents, without its time. */
export function eventText(event: ChartEvent): string {
  switch (event.kind) {
    case 'write':
      return `${seatName(event.seat)} ${opText(event.op)}`
    case 'merge':
      return `${seatName(event.seat)} takes in ${countText(event.changes, 'change')} from ${seatName(event.from)}`
    case 'storm':
      return `A storm cuts ${countText(event.lanes, 'lane')}: ${stormNames[event.mode]}`
    case 'lift':
      return `The storm lifts after ${secondsText(event.at - event.since)}`
    case 'sunk':
      return `A boat from ${seatName(event.from)} to ${seatName(event.to)} sinks with ${bytesText(event.bytes)}`
    case 'silent':
      return `${seatName(event.seat)} hears nothing more from ${seatName(event.about)}`
    case 'contact':
      return event.silentMs > 0
        ? `${seatName(event.seat)} hears ${seatName(event.about)} again after ${secondsText(event.silentMs)}`
        : `${seatName(event.seat)} hears ${seatName(event.about)}`
    case 'converged':
      return `All islands agree: ${countText(event.rounds, 'round')}, ${countText(event.messages, 'message')}, ${bytesText(event.bytes)}`
    case 'parted':
      return `${countText(event.digests, 'digest')} on the sea`
    case 'healed':
      return `${seatName(event.seat)} reports the heal: ${event.conflicts === 0 ? 'no conflict' : countText(event.conflicts, 'conflict')}`
    case 'refused':
      return `Refused at ${seatName(event.seat)}: ${event.what}. ${event.reason}`
    case 'verdict':
      return `${seatName(event.seat)} reaches a verdict: ${sideText(event)}`
    case 'doubt':
      return `${seatName(event.seat)} doubts ${seatName(event.about)}`
    case 'regatta':
      return `${seatName(event.seat)} ${regattaText(event)}`
  }
}

function regattaText(event: Extract<ChartEvent, { kind: 'regatta' }>): string {
  switch (event.step) {
    case 'asked':
      return 'asks the others for the lease of the regatta'
    case 'started':
      return `starts regatta ${event.number}, token ${event.token}`
    case 'counts':
      return `knows that a majority has regatta ${event.number}`
    case 'ended':
      return 'ends the regatta and gives the lease back'
    case 'lost':
      return 'loses the lease of the regatta'
  }
}

/** Which events belong in the log: merges, and boats that only greeted when they sank, would drown the rest. */
export function isIncident(event: ChartEvent): boolean {
  return event.kind !== 'merge' && (event.kind !== 'sunk' || event.carried)
}

/** `0.2 s ago`, for something heard. */
export function agoText(ms: number): string {
  return ms < 10_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s ago` : `${secondsText(ms)} ago`
}

/** The headline of an island: whom it is in touch with. Verdicts about majorities are not its to give. */
export function reachHeadline(island: IslandFrame): string {
  const connected = island.peers.filter((peer) => peer.state === 'connected')
  if (island.peers.length === 0) return 'Alone on the sea'
  if (connected.length === island.peers.length) return 'In touch with all'
  if (connected.length === 0) return 'In touch with nobody'
  if (connected.length <= 2) return `In touch with ${listText(connected.map((peer) => seatName(peer.seat)))}`
  return `In touch with ${connected.length} of ${island.peers.length}`
}

/** The sentence under the headline. */
export function reachSentence(island: IslandFrame, now: number, allEqual: boolean): string {
  const name = seatName(island.seat)
  const silent = island.peers.filter((peer) => peer.state === 'silent')
  if (silent.length === 0) {
    return allEqual
      ? `Reaches ${island.peers.length + 1} of ${island.peers.length + 1} islands. Everyone holds the same state.`
      : `Reaches ${island.peers.length + 1} of ${island.peers.length + 1} islands. News is still under way.`
  }
  const since = Math.min(...silent.map((peer) => (peer.state === 'silent' ? (peer.since ?? now) : now)))
  return `${listText(silent.map((peer) => seatName(peer.seat)))} silent for ${secondsText(now - since)}. ${name} keeps writing.`
}

/** The plain sentence at the end of an island's page. */
export function situationText(island: IslandFrame): string {
  const near = island.peers.filter((peer) => peer.state === 'connected').map((peer) => seatName(peer.seat))
  const name = seatName(island.seat)
  const who =
    near.length === 0
      ? `${name} can reach nobody.`
      : `${listText([name, ...near])} can reach each other and nobody else.`
  return `${who} Both sides keep all they write; it merges when a boat gets through.`
}

/** The heading of a conflict: `Flag: Whale over Star`. */
export function conflictTitle(card: ConflictCard): { lead: string; kept: string; mid: string; other: string } {
  if (card.leaf === 'chest') {
    const stays = card.kept.value !== undefined
    return { lead: `Chest: ${card.item} `, kept: stays ? 'stays' : 'goes', mid: '', other: '' }
  }
  const lead = `${card.leaf === 'flag' ? 'Flag' : card.leaf === 'tally' ? 'Tally' : 'Log'}: `
  if (card.bothKept) return { lead, kept: 'both kept', mid: '', other: '' }
  return {
    lead,
    kept: titleCase(card.kept.value ?? 'removed'),
    mid: 'over',
    other: titleCase(card.other.value ?? 'removed'),
  }
}

/** The rule in words. */
export function ruleText(rule: string): string {
  switch (rule) {
    case 'newer':
      return 'Last writer wins'
    case 'higher-author':
      return 'Equal clocks: the higher author wins'
    case 'add-wins':
      return 'Add wins over a removal'
    case 'enable-wins':
      return 'Enable wins'
    case 'disable-wins':
      return 'Disable wins'
    case 'all-kept':
      return 'All values are kept'
    case 'update-wins':
      return 'A write wins over the deletion of its entry'
    default:
      return rule
  }
}

/** The line that decides, under the two vectors. */
export function decisionText(card: ConflictCard): string {
  if (card.rule === 'newer') {
    const apart = Math.abs(card.kept.clockMs - card.other.clockMs)
    return `So the later clock decides: ${titleCase(card.kept.value ?? 'the removal')}, by ${(apart / 1000).toFixed(2)} s.`
  }
  if (card.rule === 'add-wins') {
    return `The removal had not seen the new ${card.item}, so it takes away only what it had seen.`
  }
  if (card.rule === 'higher-author') return 'Both clocks read the same, so the higher author decides, everywhere alike.'
  return `${ruleText(card.rule)}.`
}

export function titleCase(text: string): string {
  return text === '' ? text : text.charAt(0).toUpperCase() + text.slice(1)
}

/** `Storm of 28 s, 0:18 to 0:46`. */
export function stormSpanText(from: number, to: number): string {
  return `Storm of ${secondsText(to - from)}, ${clockText(from)} to ${clockText(to)}`
}
