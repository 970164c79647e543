/**
 * Makes a failing script smaller while it still fails in the same way: fewer faults, fewer nodes, shorter faults, calmer weather. What is
 * left says what it takes.
 */
import type { Lane } from '../storms.ts'
import type { VoterFault, VoterScript } from './script.ts'

/** How a script was made smaller. */
export interface Shrunk {
  readonly script: VoterScript
  /** Runs that it took. */
  readonly runs: number
}

/**
 * `fails` says whether a script still shows what is looked for. At most `mostRuns` of them are tried, and none from which the operator's
 * word is gone that lost disks need: such a world stays broken by right, whatever is looked for.
 */
export function shrinkVoterScript(
  script: VoterScript,
  fails: (script: VoterScript) => boolean,
  mostRuns = 200,
): Shrunk {
  let smallest = script
  let runs = 0
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false
    for (const candidate of smallerThan(smallest)) {
      if (isForsaken(candidate) && !isForsaken(script)) continue
      if (runs >= mostRuns) return { script: smallest, runs }
      runs += 1
      if (!fails(candidate)) continue
      smallest = candidate
      isSmaller = true
      break
    }
  }
  return { script: smallest, runs }
}

/** Words of a failure that say of what kind it is. Of what was not so in time these are the first words of what was missing. */
const wordsOfKind = 8

/**
 * Of what kind a failure is: what the checker calls it, or else its first words, without when, where and how many. Two faults of one kind
 * are not told apart, nor are a fault and what looks like it; but no world comes out of making another smaller that only fails otherwise.
 */
export function kindOfFailure(wrong: string): string {
  const [, violation] = /^([a-z]+): r\d+: /.exec(wrong) ?? []
  if (violation !== undefined) return violation
  const words = wrong.replace(/^\d+ ms: /, '').split(/\s+/, wordsOfKind)
  return words.map((word) => (/\d/.test(word) ? '#' : word)).join(' ')
}

/** Whether a disk is lost for good, and nobody has the others go on without it afterwards. */
function isForsaken({ faults }: VoterScript): boolean {
  return faults.some(
    (lost) =>
      lost.kind === 'wipe' &&
      lost.isSpared !== true &&
      !faults.some(({ kind, atMs }) => kind === 'force' && atMs >= lost.atMs),
  )
}

/** What is tried, the largest steps first. */
function* smallerThan(script: VoterScript): Generator<VoterScript> {
  const { faults, voters, clients } = script
  const half = faults.length >> 1
  if (half > 1) {
    yield { ...script, faults: faults.slice(half) }
    yield { ...script, faults: faults.slice(0, half) }
  }
  for (const [at] of faults.entries()) yield { ...script, faults: faults.filter((_, other) => other !== at) }
  for (let client = voters + clients - 1; client >= voters; client -= 1) {
    const fewer = without(script, client)
    if (fewer !== undefined) yield { ...fewer, clients: clients - 1 }
  }
  if (voters > 3) {
    for (let voter = voters - 1; voter >= 0; voter -= 1) {
      const fewer = without(script, voter)
      if (fewer !== undefined) yield { ...fewer, voters: voters - 1 }
    }
  }
  for (const [at, fault] of faults.entries()) {
    for (const shorter of shorterThan(fault)) yield { ...script, faults: faults.with(at, shorter) }
  }
  const { latencyMs, loss, duplicate, reorder, patienceMs, bytesPerMs } = script.weather
  if (loss + duplicate + reorder > 0 || patienceMs !== undefined || bytesPerMs !== undefined)
    yield { ...script, weather: { latencyMs, loss: 0, duplicate: 0, reorder: 0 } }
}

function shorterThan(fault: VoterFault): VoterFault[] {
  const { forMs } = fault
  const lanes = 'lanes' in fault && fault.lanes.length > 1 ? halves(fault.lanes) : []
  return [
    ...(forMs !== undefined && forMs > 1000 ? [{ ...fault, forMs: Math.ceil(forMs / 2) }] : []),
    ...lanes.map((some) => ({ ...fault, lanes: some }) as VoterFault),
  ]
}

function halves(lanes: readonly Lane[]): (readonly Lane[])[] {
  const half = lanes.length >> 1
  return [lanes.slice(half), lanes.slice(0, half)]
}

/** The script without a node; those after it move up. Undefined where the node is one that must be there. */
function without(script: VoterScript, node: number): VoterScript | undefined {
  const { core, arbiter } = script
  const founders = script.founders?.filter((other) => other !== node)
  if (core?.includes(node) === true || arbiter === node || founders?.length === 0) return undefined
  const moved = (other: number): number => (other > node ? other - 1 : other)
  const faults = script.faults.flatMap((fault): VoterFault[] => {
    if ('weights' in fault) {
      const weights = fault.weights.filter((_, other) => other !== node)
      const isFor = weights.some((weight) => weight > 0) && fault.node !== node
      return isFor ? [{ ...fault, node: moved(fault.node), weights }] : []
    }
    if ('node' in fault) return fault.node === node ? [] : [{ ...fault, node: moved(fault.node) }]
    if (!('lanes' in fault)) return [fault]
    const lanes = fault.lanes
      .filter(({ from, to }) => from !== node && to !== node)
      .map(({ from, to }) => ({ from: moved(from), to: moved(to) }))
    return lanes.length === 0 ? [] : [{ ...fault, lanes }]
  })
  return {
    ...script,
    ...(core === undefined ? {} : { core: core.map(moved) }),
    ...(founders === undefined ? {} : { founders: founders.map(moved) }),
    ...(arbiter === undefined ? {} : { arbiter: moved(arbiter) }),
    faults,
  }
}
