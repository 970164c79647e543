// The bars that this release holds itself to, read off the same medians: no more than 1.1 times the best peer, and
// snapshots that do not grow with the number of operations.

import { best, short } from './table.mjs'

const OURS = 'rejoin'
const ALLOWED = 1.1

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

const verdict = (ratio) => (ratio <= ALLOWED ? 'met' : 'missed')

/**
 * @param {Map<string, Map<string, Map<string, number>>>} tables workload -> engine -> metric -> median
 * @param {string[]} engines
 */
export function barsTable(tables, engines) {
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
      `| ${workload} ${metric} | ${short(ours)} | ${short(peer.value)} (${peer.engine}) | ${ratio.toFixed(2)} | ${verdict(ratio)} |`,
    )
  }
  for (const [workload, few, many] of FLAT) {
    const table = tables.get(workload)?.get(OURS)
    const before = table?.get(few)
    const after = table?.get(many)
    if (before === undefined || after === undefined) continue
    const ratio = after / before
    rows.push(
      `| ${workload} ${many} to ${few} | ${short(after)} | ${short(before)} (itself) | ${ratio.toFixed(2)} | ${verdict(ratio)} |`,
    )
  }
  if (rows.length === 0) return undefined
  return ['| bar | rejoin | against | ratio | at most 1.1 |', '|---|---:|---:|---:|---|', ...rows].join('\n')
}
