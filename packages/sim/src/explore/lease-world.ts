import { checkToken, type FencingToken, isQuorum, type Roster } from '@rejoin/sync/partition'
import { createInterned, memoOfTwo } from './intern.ts'
import {
  type AcceptorAct,
  createLeaseNodes,
  epsilon,
  type HolderAct,
  type LeaseMutant,
  type Moved,
  openRequest,
  type Sent,
  ttlMs,
} from './lease-nodes.ts'
import type { SearchModel } from './search.ts'
import { createSoups } from './soups.ts'

export interface LeaseWorldOptions {
  readonly voters: number
  /**
   * Reboots, lost disks, wall clocks that jump, processes that stand still, releases, a new roster, and messages that reach
   * fewer than a quorum, or arrive late or again or without an answer: so many in all. (A bound as in M. Emmi, S. Qadeer,
   * Z. Rakamaric, Delay-bounded scheduling, 2011.)
   */
  readonly faults: number
  /** How much time goes by in one action, in milliseconds. */
  readonly quantumMs: number
  readonly mutant?: LeaseMutant
  /** From this start only, by number. */
  readonly from?: number
}

/** What a state holds beside its nodes and messages. */
interface Rest {
  faults: number
  writes: number
  /** By holder: 0 when it runs, else 1 and the quanta for which it stood still. */
  still: number[]
  /** Bits of the rounds that counted. */
  counted: number
  isChanged: boolean
  /** Rounds that the deciding quorum of the new roster knew. */
  joined: number
  /** Number of the highest token that the resource has seen. */
  guard: number
}

const holderNames = ['alice', 'bob'] as const
const mostStill = 3
const mostRounds = 3

/**
 * All that may happen to acceptors and two holders that want one lease, and write a number of rounds under it. Faults:
 * 1. two holders hold it usable at one instant;
 * 2. a resource that checks tokens refuses a holder that holds it usable;
 * 3. a round counts twice: two holders each wrote it at a quorum.
 */
export function createLeaseWorld({ voters, faults, quantumMs, mutant = {}, from }: LeaseWorldOptions): SearchModel {
  const nodes = createLeaseNodes(mutant)
  const soups = createSoups()
  const tokens = createInterned<FencingToken | 'none'>()
  const names = Array.from({ length: voters + 1 }, (_, at) => `v${at + 1}`)
  const rosterOf = (epoch: number, ids: readonly string[]): Roster => ({
    epoch,
    voters: ids.map((id) => ({ id, weight: 1 })),
    policy: { kind: 'keep-majority' },
  })
  const rosters = [rosterOf(1, names.slice(0, voters)), rosterOf(2, names.slice(1))] as const
  const A = names.length
  const soupAt = A + 2
  const docsAt = A + 3
  const restAt = A + 4
  const width = A + 5
  /** Sets of acceptors by index: each alone, and the smallest quorums of each roster. */
  const subsets = subsetsOf(A)
  const singles = names.map((_, at) => [at])
  const quorumsOf = rosters.map((roster) => {
    const all = subsets.filter((ids) => isQuorum(roster, new Set(ids.map((at) => names[at] as string))))
    return all.filter((ids) => ids.length === Math.min(...all.map(({ length }) => length)))
  })

  // ---- numbers

  const pack = (rest: Rest): number =>
    rest.faults |
    (rest.writes << 3) |
    ((rest.still[0] as number) << 5) |
    ((rest.still[1] as number) << 8) |
    (rest.counted << 11) |
    (Number(rest.isChanged) << 15) |
    (rest.joined << 16) |
    (rest.guard << 18)
  const unpack = (bits: number): Rest => ({
    faults: bits & 7,
    writes: (bits >> 3) & 3,
    still: [(bits >> 5) & 7, (bits >> 8) & 7],
    counted: (bits >> 11) & 15,
    isChanged: ((bits >> 15) & 1) === 1,
    joined: (bits >> 16) & 3,
    guard: bits >> 18,
  })
  const docOf = (state: Int32Array, node: number): number => ((state[docsAt] as number) >> (2 * node)) & 3
  const setDoc = (state: Int32Array, node: number, rounds: number): void => {
    const docs = state[docsAt] as number
    state[docsAt] = (docs & ~(3 << (2 * node))) | (Math.max(rounds, (docs >> (2 * node)) & 3) << (2 * node))
  }

  // ---- what a state says of a node

  const standing = { now: 0, wall: 0 }
  const actOfAcceptor = (act: AcceptorAct): number => nodes.acceptorAct(act)
  const receiveAct = memoOfTwo((sent: number, version: number) => {
    const { from, message } = nodes.messages.valueOf(sent)
    return actOfAcceptor({ kind: 'receive', from, message, version, ...standing })
  })
  const crashAct = memoOfTwo((sent: number, version: number) => {
    const { from, message } = nodes.messages.valueOf(sent)
    return actOfAcceptor({ kind: 'receive', from, message, version, crashesAfter: 1, ...standing })
  })
  const hearAct = memoOfTwo((sent: number) => {
    const { from, message } = nodes.messages.valueOf(sent)
    return nodes.holderAct({ kind: 'receive', from, message, ...standing })
  })
  const boots = rosters.map((roster) => [false, true].map((loses) => actOfAcceptor({ kind: 'boot', roster, loses })))
  const adopts = rosters.map((roster) => actOfAcceptor({ kind: 'roster', roster, ...standing }))
  const idleTick = actOfAcceptor({ kind: 'tick', ...standing })
  const simpleHolderAct = (act: HolderAct): number => nodes.holderAct(act)
  const holderActs = {
    acquire: simpleHolderAct({ kind: 'acquire', ...standing }),
    tick: simpleHolderAct({ kind: 'tick', ...standing }),
    release: simpleHolderAct({ kind: 'release', ...standing }),
    boots: rosters.map((roster) => simpleHolderAct({ kind: 'boot', roster })),
    adopts: rosters.map((roster) => simpleHolderAct({ kind: 'roster', roster, ...standing })),
  }
  const holderAt = memoOfTwo((id: number, still: number) => {
    const { state, needs } = nodes.holderOf(id)
    const { phase, roster } = state
    const ms = still === 0 ? 0 : (still - 1) * quantumMs * (1 - epsilon)
    const until = phase.phase === 'held' && phase.isCovered ? phase.until : 0
    return {
      // As `usableToken` has it, for a reading that much later.
      usable: phase.phase === 'held' && ms < until ? phase.token : undefined,
      token: phase.phase === 'held' ? phase.token : undefined,
      isCovered: phase.phase === 'held' && phase.isCovered,
      isIdle: phase.phase === 'idle',
      isDue: phase.phase === 'waiting' && phase.at <= 0,
      needs,
      epoch: roster?.epoch ?? 0,
    }
  })
  const acceptorAt = memoOfTwo((id: number) => {
    const { state } = nodes.acceptorOf(id)
    return { epoch: state.epoch, isLearning: state.recovery?.isTaught === false && state.recovery.askAt <= 0 }
  })
  const coveredAct = memoOfTwo((holder: number) => {
    const { token } = holderAt(holder, 0)
    return simpleHolderAct({ kind: 'covered', token: token as FencingToken, ...standing })
  })

  // ---- acts

  const next = new Int32Array(width)
  /** Drops what makes no difference once nothing goes wrong any more: what would arrive late, and disks. */
  const sift = (faults: number): void => {
    if (faults > 0) return
    for (let v = 0; v < A; v++) next[v] = nodes.lasting(next[v] as number, 0)
    next[soupAt] = soups.changed(next[soupAt] as number, 0, (id) => (isOpenQuestion(id) ? id : undefined))
  }
  const isOpenQuestion = (id: number): boolean => {
    const { to, message } = nodes.messages.valueOf(id)
    return to === undefined && 'request' in message && message.request === openRequest && message.kind !== 'learn'
  }
  /** The open question of a holder is so no longer: nobody waits for the answers. */
  const close = (h: number): void => {
    const name = holderNames[h]
    next[soupAt] = soups.changed(next[soupAt] as number, 1 + h, (id) => {
      const sent = nodes.messages.valueOf(id)
      const { from, to, message } = sent
      if (to === name) return undefined
      if (from !== name || !('request' in message)) return id
      const isBeforehand = message.kind === 'prepare' && message.preVote
      return isBeforehand ? undefined : nodes.messages.idOf({ ...sent, message: { ...message, request: 0 } })
    })
  }
  const apply = (slot: number, { id, sent }: Moved): undefined => {
    next[slot] = id
    next[soupAt] = soups.with(next[soupAt] as number, sent)
  }
  const stepAcceptor = (v: number, act: number): undefined => apply(v, nodes.moveAcceptor(next[v] as number, act))
  const stepHolder = (h: number, act: number): undefined => {
    const moved = nodes.moveHolder(next[A + h] as number, act)
    if (moved.movesOn) close(h)
    apply(A + h, moved)
  }
  const openQuestion = (state: Int32Array, h: number): number | undefined =>
    soups
      .in(state[soupAt] as number)
      .find((id) => nodes.messages.valueOf(id).from === holderNames[h] && isOpenQuestion(id))
  /** A question reaches these acceptors, and each answer the holder. */
  const exchange = (h: number, question: number, at: readonly number[]): undefined => {
    for (const v of at) {
      if (openQuestion(next, h) !== question) return
      const moved = nodes.moveAcceptor(next[v] as number, receiveAct(question, docOf(next, v)))
      apply(v, moved)
      for (const answer of moved.sent)
        if (nodes.messages.valueOf(answer).to === holderNames[h]) stepHolder(h, hearAct(answer, 0))
    }
  }
  /** An acceptor without memory asks all others, which answer. */
  const learn = (v: number): undefined => {
    const asked = nodes.moveAcceptor(next[v] as number, idleTick)
    apply(v, asked)
    for (const question of asked.sent)
      for (let by = 0; by < A; by++) {
        if (by === v) continue
        const answered = nodes.moveAcceptor(next[by] as number, receiveAct(question, 0))
        apply(by, answered)
        for (const answer of answered.sent) stepAcceptor(v, receiveAct(answer, 0))
      }
  }
  const passTime = (
    holderRate: number,
    acceptorRate: number,
    rest: Rest,
    jump?: { node: number; ms: number },
  ): undefined => {
    const reading = (node: number, rate: number): { now: number; wall: number } => {
      const ms = Math.round(quantumMs * rate)
      return { now: ms, wall: jump?.node === node ? ms + jump.ms : ms }
    }
    for (let v = 0; v < A; v++) stepAcceptor(v, actOfAcceptor({ kind: 'tick', ...reading(v, acceptorRate) }))
    for (const h of [0, 1]) {
      const still = rest.still[h] as number
      if (still > 0) rest.still[h] = Math.min(still + 1, mostStill + 1)
      else stepHolder(h, simpleHolderAct({ kind: 'tick', ...reading(A + h, holderRate) }))
    }
  }
  /** A usable holder begins a round: at the resource, and in the document of these acceptors. */
  const write = (h: number, at: readonly number[], rest: Rest): string | undefined => {
    const { usable, epoch } = holderAt(next[A + h] as number, 0)
    const token = usable as FencingToken
    const round = docOf(next, A + h) + 1
    const seen = tokens.valueOf(rest.guard)
    rest.writes -= 1
    const check = checkToken(seen === 'none' ? [] : [seen], token)
    if (check.kind === 'refused') return check.reason
    rest.guard = tokens.idOf(check.guard[0] as FencingToken)
    for (const node of [A + h, ...at]) setDoc(next, node, round)
    // What is stored under another roster than the one of the holder does not count.
    const stored = at.filter((v) => acceptorAt(next[v] as number, 0).epoch === epoch).map((v) => names[v] as string)
    if (!isQuorum(rosters[epoch - 1] as Roster, new Set(stored))) return undefined
    if (((rest.counted >> round) & 1) === 1) return `Round ${round} counts twice.`
    rest.counted |= 1 << round
    return undefined
  }

  const follow: SearchModel['follow'] = (state, take) => {
    const now = unpack(state[restAt] as number)
    const act = (label: () => string, change: (rest: Rest) => string | undefined, cost = 0): void => {
      if (cost > now.faults) return
      next.set(state)
      const rest: Rest = { ...now, still: [...now.still], faults: now.faults - cost }
      const fault = change(rest)
      sift(rest.faults)
      next[restAt] = pack(rest)
      const isDouble =
        holderAt(next[A] as number, rest.still[0] as number).usable !== undefined &&
        holderAt(next[A + 1] as number, rest.still[1] as number).usable !== undefined
      take(next, label, fault ?? (isDouble ? 'Two hold it at once.' : undefined))
    }
    const soup = soups.in(state[soupAt] as number)
    for (const h of [0, 1]) {
      const name = holderNames[h] as string
      const still = now.still[h] as number
      const at = holderAt(state[A + h] as number, still)
      if (still > 0) {
        const ms = Math.round((still - 1) * quantumMs * (1 - epsilon))
        const wake = (how: string, input: HolderAct): void =>
          act(
            () => `${name} goes on, ${how}`,
            (rest) => {
              rest.still[h] = 0
              stepHolder(h, simpleHolderAct(input))
            },
          )
        wake('told that it stood still', { kind: 'paused', now: ms, wall: ms })
        wake('not told', { kind: 'tick', now: ms, wall: ms })
        wake('with a clock that slept', { kind: 'tick', now: 0, wall: ms })
        continue
      }
      const question = openQuestion(state, h)
      if (question !== undefined)
        for (const to of [...singles, ...(quorumsOf[at.epoch - 1] ?? [])])
          act(
            () => `${name} asks ${listed(to)}: ${inWords(nodes.messages.valueOf(question))}`,
            () => exchange(h, question, to),
            to.length === 1 ? 1 : 0,
          )
      if (at.isIdle)
        act(
          () => `${name} wants it`,
          () => stepHolder(h, holderActs.acquire),
        )
      if (at.isDue)
        act(
          () => `${name} asks again`,
          () => stepHolder(h, holderActs.tick),
        )
      if (at.token !== undefined && !at.isCovered)
        act(
          () => `${name} covers ${at.needs} rounds`,
          () => {
            if (mutant.handsOverNothing !== true) setDoc(next, A + h, at.needs)
            stepHolder(h, coveredAct(state[A + h] as number, 0))
          },
        )
      if (at.usable !== undefined && now.writes > 0 && docOf(state, A + h) < mostRounds)
        for (const to of [[], ...singles, ...(quorumsOf[at.epoch - 1] ?? [])])
          act(
            () => `${name} begins a round, stored at ${listed(to)}`,
            (rest) => write(h, to, rest),
            to.length === 1 ? 1 : 0,
          )
      if (now.isChanged && at.epoch === 1)
        act(
          () => `${name} has the new roster`,
          () => {
            stepHolder(h, holderActs.adopts[1] as number)
          },
        )
      act(
        () => `${name} stands still`,
        (rest) => {
          rest.still[h] = 1
        },
        1,
      )
      act(
        () => `${name} boots`,
        () => {
          stepHolder(h, holderActs.boots[at.epoch - 1] as number)
        },
        1,
      )
      if (at.token !== undefined)
        act(
          () => `${name} releases`,
          () => {
            stepHolder(h, holderActs.release)
          },
          1,
        )
    }
    for (let v = 0; v < A; v++) {
      const name = names[v] as string
      const { epoch, isLearning } = acceptorAt(state[v] as number, 0)
      for (const id of soup) {
        const sent = nodes.messages.valueOf(id)
        if (sent.to === undefined ? sent.from === name : sent.to !== name) continue
        act(
          () => `${name} hears ${sent.from}: ${inWords(sent)}`,
          () => stepAcceptor(v, receiveAct(id, docOf(next, v))),
          1,
        )
        act(
          () => `${name} hears ${sent.from}: ${inWords(sent)}, and crashes`,
          () => stepAcceptor(v, crashAct(id, docOf(next, v))),
          1,
        )
      }
      if (isLearning)
        act(
          () => `${name} asks what was promised`,
          () => learn(v),
        )
      act(
        () => `${name} boots`,
        () => stepAcceptor(v, boots[epoch - 1]?.[0] as number),
        1,
      )
      act(
        () => `${name} loses its disk`,
        () => stepAcceptor(v, boots[epoch - 1]?.[1] as number),
        1,
      )
      if (now.isChanged && epoch === 1)
        act(
          () => `${name} has the new roster`,
          () => {
            if (mutant.joinsEmpty !== true) setDoc(next, v, now.joined)
            stepAcceptor(v, adopts[1] as number)
          },
        )
    }
    for (const id of soup) {
      const sent = nodes.messages.valueOf(id)
      const h = (holderNames as readonly (string | undefined)[]).indexOf(sent.to)
      if (h < 0 || now.still[h] !== 0) continue
      act(
        () => `${sent.to} hears ${sent.from}: ${inWords(sent)}`,
        () => {
          stepHolder(h, hearAct(id, 0))
        },
        1,
      )
    }
    if (!now.isChanged)
      for (const quorum of quorumsOf[0] ?? [])
        act(
          () => `${listed(quorum)} decide on the new roster`,
          (rest) => {
            rest.isChanged = true
            rest.joined = Math.max(...quorum.map((v) => docOf(state, v)))
            for (const v of quorum) {
              if (mutant.joinsEmpty !== true) setDoc(next, v, rest.joined)
              stepAcceptor(v, adopts[1] as number)
            }
          },
          1,
        )
    act(
      () => 'time goes by, as adverse as it may',
      (rest) => passTime(1 - epsilon, 1 + epsilon, rest),
    )
    act(
      () => 'time goes by',
      (rest) => passTime(1, 1, rest),
      1,
    )
    for (let node = 0; node < A + 2; node++)
      for (const ms of [-5 * ttlMs, 5 * ttlMs])
        act(
          () => `time goes by, and the wall clock of ${[...names, ...holderNames][node]} is put to ${ms}`,
          (rest) => passTime(1 - epsilon, 1 + epsilon, rest, { node, ms }),
          1,
        )
  }

  // ---- starts

  const start = (prepareStart: () => void, isChanged = false): Int32Array => {
    next.fill(0)
    for (const [v, name] of names.entries()) next[v] = nodes.acceptor(name, rosters[0], 1)
    for (const [h, name] of holderNames.entries()) next[A + h] = nodes.holder(name, rosters[0])
    next[soupAt] = soups.empty
    next[restAt] = pack({
      faults,
      writes: 2,
      still: [0, 0],
      counted: 0,
      isChanged,
      joined: 0,
      guard: tokens.idOf('none'),
    })
    for (const h of [0, 1]) stepHolder(h, holderActs.acquire)
    prepareStart()
    sift(faults)
    return Int32Array.from(next)
  }
  const quorum = quorumsOf[0]?.[0] ?? []
  const aliceAsks = (at: readonly number[]): void => exchange(0, openQuestion(next, 0) as number, at)
  const aliceHolds = (): void => {
    for (let stage = 0; stage < 3; stage++) aliceAsks(quorum)
    stepHolder(0, coveredAct(next[A] as number, 0))
  }
  const aliceLacksOneVote = (): void => {
    for (const at of [quorum, quorum, quorum.slice(1)]) aliceAsks(at)
  }
  const first = quorum[0] as number
  const starts = [
    start(() => {}),
    start(aliceLacksOneVote),
    start(aliceHolds),
    // Alice holds it, and one who voted for her loses its disk.
    start(() => {
      aliceHolds()
      stepAcceptor(first, boots[0]?.[1] as number)
    }),
    // Alice holds it, and all others have a new roster.
    start(() => {
      aliceHolds()
      for (const v of [...(quorumsOf[0]?.at(-1) ?? []), A - 1]) stepAcceptor(v, adopts[1] as number)
      stepHolder(1, holderActs.adopts[1] as number)
    }, true),
    // The last vote comes late.
    start(() => {
      aliceLacksOneVote()
      passTime(1 - epsilon, 1 + epsilon, unpack(0))
      aliceAsks([first])
    }),
    // Whoever gives the last vote crashes meanwhile.
    start(() => {
      aliceLacksOneVote()
      const { sent } = nodes.moveAcceptor(next[first] as number, crashAct(openQuestion(next, 0) as number, 0))
      stepAcceptor(first, crashAct(openQuestion(next, 0) as number, 0))
      for (const answer of sent) stepHolder(0, hearAct(answer, 0))
    }),
  ]
  return { width, starts: from === undefined ? starts : starts.slice(from, from + 1), follow }
}

function subsetsOf(count: number): number[][] {
  return Array.from({ length: 1 << count }, (_, bits) =>
    Array.from({ length: count }, (__, at) => at).filter((at) => (bits >> at) & 1),
  )
}

function listed(at: readonly number[]): string {
  return at.length === 0 ? 'nobody' : at.map((v) => `v${v + 1}`).join(', ')
}

function inWords({ message }: Sent): string {
  const { kind, ...rest } = message
  return `${kind} ${JSON.stringify(rest)}`
}
