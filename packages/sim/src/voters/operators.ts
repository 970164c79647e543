/**
 * What operators do to a group, well or badly: they change who votes, take disks away, force rosters, also on two sides of a split, and
 * start servers anew. Meanwhile several want one lease at one node, and let go of it.
 */
import { createRandom, type RandomStream } from '../random.ts'
import type { Extent } from './generate.ts'
import { lanesBetween, type NextRoster, upTo, type VoterFault } from './script.ts'

/** Who votes at first; undefined where all servers do. */
export function drawFounders(seed: number, voters: number): readonly number[] | undefined {
  const random = createRandom(seed, 'founders')
  if (voters === 1 || random.chance(0.5)) return undefined
  return random
    .shuffle(upTo(voters))
    .slice(0, 1 + random.int(voters - 1))
    .sort((a, b) => a - b)
}

/** What is done to a group one after the other, as an operator sees it. */
interface Shift {
  readonly random: RandomStream
  readonly extent: Extent
  readonly faults: VoterFault[]
  /** Who votes, if all went as it was meant to. */
  members: readonly number[]
  atMs: number
}

/** Time for a group to be told, to change its roster, and to take over what counted. */
const settleMs = 25_000

const policies = ['keep-majority', 'two-thirds', 'static-quorum', 'keep-oldest'] as const

/** Two to four things that operators do, with time in between. */
export function operatorFaults(random: RandomStream, extent: Extent, founders: readonly number[]): VoterFault[] {
  const shift: Shift = { random, extent, faults: [], members: founders, atMs: extent.atMs }
  for (let count = 2 + random.int(3); count > 0; count -= 1) {
    const fromMs = shift.atMs
    random.pick([changeVoters, loseDisks, forceAfterLoss, forceOnTwoSides, goAway])(shift)
    wish(shift, fromMs)
    if (random.chance(0.3)) trouble(shift, fromMs)
  }
  return shift.faults
}

/** Others vote: one is replaced, or any of them. */
function changeVoters(shift: Shift): void {
  propose(shift, drawMembers(shift))
  shift.atMs += 5_000 + shift.random.int(settleMs)
}

/** Disks are lost one after the other, each where the group can spare it, with a change of the roster in between. */
function loseDisks(shift: Shift): void {
  const { random, faults, extent } = shift
  const nodes = random.shuffle(upTo(extent.voters)).slice(0, 1 + random.int(Math.min(4, extent.voters)))
  for (const node of nodes) {
    faults.push({ kind: 'wipe', atMs: shift.atMs, forMs: 500 + random.int(10_000), node, isSpared: true })
    if (random.chance(0.4)) propose(shift, drawMembers(shift), random.int(12_000))
    shift.atMs += settleMs + random.int(15_000)
  }
}

/** Half of the voters or more are gone, some with their disks. Who is left is told to go on; they come back later. */
function forceAfterLoss(shift: Shift): void {
  const { random, faults, extent, members, atMs } = shift
  const least = Math.ceil(members.length / 2)
  const lost = random.shuffle(members).slice(0, least + random.int(members.length - least + 1))
  const left = random.shuffle(upTo(extent.voters).filter((node) => !lost.includes(node)))
  const first = left[0]
  if (first === undefined) return
  const forcedMs = 3_000 + random.int(extent.outageMs)
  const backMs = forcedMs + 5_000 + random.int(10_000)
  for (const node of lost) {
    const kind = random.pick(['wipe', 'crash'] as const)
    faults.push({ kind, atMs: atMs + random.int(2_000), forMs: backMs + random.int(10_000), node })
  }
  shift.members = left.slice(0, 1 + random.int(left.length))
  faults.push({ kind: 'force', atMs: atMs + forcedMs, forMs: 0, node: first, ...nextOf(shift) })
  // Before it is on the disk, or before anybody was told.
  if (random.chance(0.3)) {
    const crashedMs = atMs + forcedMs + random.int(60)
    faults.push({ kind: 'crash', atMs: crashedMs, forMs: 1_000 + random.int(5_000), node: first })
  }
  shift.atMs += backMs + settleMs
}

/** Both sides of a split are told that the other is not coming back. */
function forceOnTwoSides(shift: Shift): void {
  const { random, faults, extent, atMs } = shift
  const { voters, all, outageMs } = extent
  if (voters < 2) return
  const servers = random.shuffle(upTo(voters))
  const some = 1 + random.int(voters - 1)
  const sides = [servers.slice(0, some), servers.slice(some)]
  const clients = upTo(all).slice(voters)
  const isLeft = clients.map(() => random.chance(0.5))
  const lanes = lanesBetween(
    sides.map((side, at) => [...side, ...clients.filter((_, client) => isLeft[client] === (at === 0))]),
  )
  const forMs = outageMs + 10_000
  faults.push({ kind: 'cut', atMs, forMs, lanes })
  for (const side of sides) {
    shift.members = side
    const forcedMs = atMs + 1_000 + random.int(forMs - 2_000)
    faults.push({ kind: 'force', atMs: forcedMs, forMs: 0, node: random.pick(side), ...nextOf(shift) })
  }
  // Which of the two holds is nobody's to know before.
  shift.members = servers
  shift.atMs += forMs + settleMs
}

/** A server is down or cut off, while the roster goes through several changes. */
function goAway(shift: Shift): void {
  const { random, faults, extent, atMs } = shift
  const node = random.int(extent.voters)
  const others = upTo(extent.all).filter((other) => other !== node)
  const changes = 2 + random.int(2)
  const stepMs = 10_000 + random.int(15_000)
  const forMs = changes * stepMs
  const kind = random.pick(['cut', 'stop', 'crash'] as const)
  faults.push(
    kind === 'cut'
      ? { kind, atMs, forMs, lanes: lanesBetween([[node], others]) }
      : { kind, atMs: atMs + random.int(3_000), forMs, node },
  )
  for (let change = 0; change < changes; change += 1) {
    // Without it there may be no quorum: then the change waits for its return, or expires.
    propose(shift, drawMembers(shift), change * stepMs)
  }
  shift.atMs += forMs + settleMs
}

/** Some want the lease at nodes where others want it, too; some let go of it. */
function wish({ random, faults, extent, atMs }: Shift, fromMs: number): void {
  const when = (): { atMs: number; forMs: number } => ({
    atMs: fromMs + random.int(atMs - fromMs + 1),
    forMs: 1_000 + random.int(40_000),
  })
  while (random.chance(0.6)) faults.push({ ...when(), kind: 'want', node: random.int(extent.all) })
  while (random.chance(0.3)) faults.push({ ...when(), kind: 'rest', node: random.int(extent.voters) })
}

/** A server has a bad disk, sleeps, or is given another time. */
function trouble({ random, faults, extent, atMs }: Shift, fromMs: number): void {
  const when = { atMs: fromMs + random.int(atMs - fromMs + 1), forMs: 1_000 + random.int(extent.outageMs) }
  const node = random.int(extent.voters)
  switch (random.int(3)) {
    case 0:
      faults.push({ ...when, kind: 'disk', node, mode: random.pick(['slow', 'stalled', 'broken'] as const) })
      break
    case 1:
      faults.push({ ...when, kind: 'sleep', node, stopsMonotonic: random.chance(0.5), timersFirst: random.chance(0.5) })
      break
    default:
      faults.push({ ...when, kind: 'clock', node, byMs: Math.floor(random.between(-1, 1) * 60_000) })
  }
}

function propose(shift: Shift, members: readonly number[], afterMs = 0): void {
  const { random, faults, atMs } = shift
  const node = random.pick(shift.members)
  shift.members = members
  faults.push({ kind: 'roster', atMs: atMs + afterMs, forMs: 0, node, ...nextOf(shift) })
}

function drawMembers({ random, extent, members }: Shift): readonly number[] {
  const servers = random.shuffle(upTo(extent.voters))
  const newcomer = servers.find((node) => !members.includes(node))
  if (newcomer !== undefined && random.chance(0.5)) {
    const leaver = random.pick(members)
    return [...members.filter((node) => node !== leaver), newcomer]
  }
  return servers.slice(0, 1 + random.int(servers.length))
}

/** The members as a roster, at times by another policy. */
function nextOf({ random, extent, members }: Shift): NextRoster {
  const weights = upTo(extent.voters).map((node) => {
    if (!members.includes(node)) return 0
    return random.chance(0.8) ? 1 : 2 + random.int(2)
  })
  return random.chance(0.8) ? { weights } : { weights, policy: random.pick(policies) }
}
