// The bars that this release holds itself to, read off the same medians.
//
// Keyed state (docs of the budget: 'must' is what a release needs, 'goal' is where we want to live). Where the row has a peer,
// the bar is a ratio to the best peer of this run, so that it holds on any machine: what the budget asks for, divided by what
// the best peer took when the budget was made, and a tenth for noise. Where it has none, the bar is the figure itself.
//
// Beside these the older ones: no more than 1.1 times the best peer, and snapshots that do not grow with what is past.

import { best, short } from './table.mjs'

const OURS = 'rejoin'
const NOISE = 1.1

const nanoseconds = (value) => `${short(value)} ns`
const bytes = (value) => `${short(value)} B`
const milliseconds = (value) => `${short(value)} ms`
const times = (value) => `${value.toFixed(2)}x`

/**
 * One row of the budget. `peer` is the best peer's figure there, absent where the figure itself is the bar; `ours` are the
 * metrics of which the row is made, where it is not one.
 * @typedef {{ what: string, workload: string, metric?: string, ours?: (of: (metric: string) => number | undefined) => number | undefined,
 *   unit: string, spell: (value: number) => string, must: number, goal?: number, peer?: number }} Bar
 */

/** The rows of the budget on keyed state; names in w10 are nine bytes long. @type {readonly Bar[]} */
const BUDGET = [
  ...[
    ['set by key, commit and encode, 100 sets', '10k tx100 local+encode ns/op', 250, 90, 2_001],
    ['the same by handle', '10k tx100 by handle, encoded ns/op', 90, 35],
    ['one set, commit and encode', '10k tx1 local+encode ns/op', 900, 250, 7_800],
    ['apply, 10k keys', '10k tx100 apply ns/op', 120, 25, 1_043],
    ['apply, 100k keys', '100k tx100 apply ns/op', 200, 65, 2_277],
    ['apply, 1M keys', '1M tx100 apply ns/op', 600, 280],
  ].map(([what, metric, must, goal, peer]) => row('w9', what, metric, 'ns/op', nanoseconds, must, goal, peer)),
  row('w9', 'wire per set, 100 sets', '10k tx100 B/op', 'B/op', bytes, 5, 3.3, 10.7),
  row('w1', 'wire per float64 of a game tick', 'wire B/op', 'B/op', bytes, 9.5, 9, 10.7),
  row('w9', 'wire per set, one set', '10k tx1 B/op', 'B/op', bytes, 14, 8, 33.6),
  row('w10', 'snapshot per live key (name 9 B)', 'key snapshot B', 'B', bytes, 15, 14),
  row('w12', 'load of 100k keys', 'load ms', 'ms', milliseconds, 45, 20, 88),
  row('w10', 'memory per live string key', 'key fresh B', 'heap B', bytes, 170, 100, 288),
  row('w10', 'memory per field of a schema row', 'field fresh B', 'heap B', bytes, 70, 40, 288),
  ...['key', 'field'].map((kind) => ({
    what: `memory after ten overwrites to fresh, ${kind}`,
    workload: 'w10',
    ours: (of) => ratioOf(of(`${kind} overwritten B`), of(`${kind} fresh B`)),
    unit: 'x',
    spell: times,
    must: 1.1,
    goal: 1,
  })),
  row('w2', 'a million overwrites of 100 keys', '1M ns/op', 'ns/op', nanoseconds, 300, 150, 982),
  row('w2', 'snapshot after them', '1M snapshot B', 'B', bytes, 1_250, 900, 1_293),
  row('w4', '500k adds, 5k live', '500k ns/op', 'ns/op', nanoseconds, 500, 150, 1_392),
  row('w4', 'snapshot after them', '500k snapshot B', 'B', bytes, 100_000, 75_000, 145_000),
  // Two sides of a thousand changes.
  row('w5', 'heal, bytes of 2 x 1,000 changes', 'n2 D1000 bytes', 'B', bytes, 6 * 2_000, 3.6 * 2_000, 13.3 * 2_000),
  row('w5', 'heal, time of 2 x 1,000 changes', 'n2 D1000 ms', 'ms', milliseconds, 8, 2, 39),
  {
    what: 'heal with a report to one without',
    workload: 'w8',
    ours: (of) => ratioOf(of('heal and report ms'), of('heal ms')),
    unit: 'x',
    spell: times,
    must: 1.3,
  },
  row('w11', 'version of 20,000 past authors on the wire', 'version B', 'B', bytes, 1_000, 100),
  {
    what: 'what they add to one set and encode',
    workload: 'w11',
    ours: (of) => differenceOf(of('20k authors local+encode ns/op'), of('1 author local+encode ns/op')),
    unit: 'ns/op',
    spell: nanoseconds,
    must: 1_000,
    goal: 0,
  },
]

const AGAINST_BEST = [
  ['w1', 'local+encode ns/op', 'ns/op'],
  ['w1', 'apply ns/op', 'ns/op'],
  ['w1', 'wire B/op', 'B/op'],
  ['w5', 'n2 D1000 bytes', 'B'],
  ['w5', 'n2 D1000 ms', 'ms'],
  ['w5', 'n5 D1000 bytes', 'B'],
  ['w5', 'n5 D1000 ms', 'ms'],
]

const FLAT = [
  ['w2', '10k snapshot B', '1M snapshot B'],
  ['w4', '50k snapshot B', '500k snapshot B'],
]

/** @returns {Bar} */
function row(workload, what, metric, unit, spell, must, goal, peer) {
  return { workload, what, metric, unit, spell, must, goal, peer }
}

const ratioOf = (over, under) => (over === undefined || under === undefined ? undefined : over / under)
const differenceOf = (more, less) => (more === undefined || less === undefined ? undefined : more - less)

/** Met or missed, and by how much: what there is over what is allowed. */
function verdict(value, limit) {
  if (limit === undefined) return '-'
  if (value <= limit) return limit === 0 ? 'met' : `met, ${(value / limit).toFixed(2)} of it`
  return limit === 0 ? `missed by ${short(value)}` : `missed, ${(value / limit).toFixed(2)} of it`
}

const shareText = (ratio) => (ratio >= 0.1 ? ratio.toFixed(2) : ratio.toFixed(3))

/** Of a row with a peer: everything as shares of the best peer of this run. */
function ratioCells(bar, value, peer) {
  const ratio = value / peer.value
  const allowed = (figure) => (figure === undefined ? undefined : (figure / bar.peer) * NOISE)
  const spelled = (figure) =>
    figure === undefined ? '-' : `${bar.spell(figure)}: at most ${shareText(allowed(figure))}`
  return [
    `${bar.spell(peer.value)} (${peer.engine})`,
    shareText(ratio),
    spelled(bar.must),
    verdict(ratio, allowed(bar.must)),
    spelled(bar.goal),
    verdict(ratio, allowed(bar.goal)),
  ]
}

/** Of a row without one. */
function figureCells(bar, value) {
  const spelled = (figure) => (figure === undefined ? '-' : bar.spell(figure))
  return ['-', '-', spelled(bar.must), verdict(value, bar.must), spelled(bar.goal), verdict(value, bar.goal)]
}

function budgetRow(bar, tables, engines) {
  const table = tables.get(bar.workload)
  const of = (metric) => table?.get(OURS)?.get(metric)
  const value = bar.metric === undefined ? bar.ours(of) : of(bar.metric)
  if (value === undefined) return undefined
  let cells
  if (bar.peer === undefined) cells = figureCells(bar, value)
  else {
    const peer = best(
      table,
      bar.metric,
      bar.unit,
      engines.filter((engine) => engine !== OURS),
    )
    // A ratio without anybody to take it to says nothing.
    if (peer === undefined) return undefined
    cells = ratioCells(bar, value, peer)
  }
  return `| ${bar.workload}: ${bar.what} | ${[bar.spell(value), ...cells].join(' | ')} |`
}

function budgetTable(tables, engines) {
  const rows = BUDGET.map((bar) => budgetRow(bar, tables, engines)).filter((text) => text !== undefined)
  if (rows.length === 0) return undefined
  return [
    '| bar | rejoin | best peer | ratio | must | | goal | |',
    '|---|---:|---:|---:|---:|---|---:|---|',
    ...rows,
  ].join('\n')
}

const simpleVerdict = (ratio) => (ratio <= NOISE ? 'met' : 'missed')

function olderTable(tables, engines) {
  const rows = []
  for (const [workload, metric, unit] of AGAINST_BEST) {
    const table = tables.get(workload)
    const ours = table?.get(OURS)?.get(metric)
    if (ours === undefined) continue
    const peers = engines.filter((engine) => engine !== OURS)
    const peer = best(table, metric, unit, peers)
    if (peer === undefined) continue
    const ratio = ours / peer.value
    rows.push(
      `| ${workload} ${metric} | ${short(ours)} | ${short(peer.value)} (${peer.engine}) | ${ratio.toFixed(2)} | ${simpleVerdict(ratio)} |`,
    )
  }
  for (const [workload, few, many] of FLAT) {
    const table = tables.get(workload)?.get(OURS)
    const before = table?.get(few)
    const after = table?.get(many)
    if (before === undefined || after === undefined) continue
    const ratio = after / before
    rows.push(
      `| ${workload} ${many} to ${few} | ${short(after)} | ${short(before)} (itself) | ${ratio.toFixed(2)} | ${simpleVerdict(ratio)} |`,
    )
  }
  if (rows.length === 0) return undefined
  return ['| bar | rejoin | against | ratio | at most 1.1 |', '|---|---:|---:|---:|---|', ...rows].join('\n')
}

/**
 * The tables of bars for what was run, or undefined where none applies.
 * @param {Map<string, Map<string, Map<string, number>>>} tables workload -> engine -> metric -> median
 * @param {string[]} engines
 */
export function barsTable(tables, engines) {
  const parts = [budgetTable(tables, engines), olderTable(tables, engines)].filter((part) => part !== undefined)
  return parts.length === 0 ? undefined : parts.join('\n\n')
}
