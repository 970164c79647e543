import { epsilon, ttlMs } from './lease-node.ts'
import type { HolderAct, Sent } from './lease-nodes.ts'
import { packRest, type Rest, unpackRest } from './lease-rest.ts'
import { createLeaseScene, holderNames, type LeaseScene, type LeaseWorldOptions } from './lease-scene.ts'
import { startsOf } from './lease-starts.ts'
import type { SearchModel } from './search.ts'

const mostRounds = 3

/**
 * All that may happen to acceptors and two holders that want one lease, and write a number of rounds under it. Faults:
 * 1. two holders hold it usable at one instant;
 * 2. a resource that checks tokens refuses a holder that holds it usable;
 * 3. a round counts twice: two holders each wrote it at a quorum.
 */
export function createLeaseWorld(options: LeaseWorldOptions): SearchModel {
  const scene = createLeaseScene(options)
  const starts = startsOf(scene, options.faults)
  const { from } = options
  return {
    width: scene.next.length,
    starts: from === undefined ? starts : starts.slice(from, from + 1),
    follow: followIn(scene, options),
  }
}

function followIn(scene: LeaseScene, { quantumMs, mutant = {} }: LeaseWorldOptions): SearchModel['follow'] {
  const {
    nodes,
    soups,
    names,
    quorumsOf,
    soupAt,
    restAt,
    next,
    boots,
    adopts,
    holderActs,
    docOf,
    setDoc,
    receiveAct,
    crashAct,
    hearAct,
    coveredAct,
    holderAt,
    acceptorAt,
    sift,
    stepAcceptor,
    stepHolder,
    openQuestion,
    exchange,
    learn,
    passTime,
    write,
  } = scene
  const A = names.length
  const singles = names.map((_, at) => [at])
  return (state, take) => {
    const now = unpackRest(state[restAt] as number)
    const act = (label: () => string, change: (rest: Rest) => string | undefined, cost = 0): void => {
      if (cost > now.faults) return
      next.set(state)
      const rest: Rest = { ...now, still: [...now.still], faults: now.faults - cost }
      const fault = change(rest)
      sift(rest.faults)
      next[restAt] = packRest(rest)
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
              stepHolder(h, nodes.holderAct(input))
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
}

function listed(at: readonly number[]): string {
  return at.length === 0 ? 'nobody' : at.map((v) => `v${v + 1}`).join(', ')
}

function inWords({ message }: Sent): string {
  const { kind, ...rest } = message
  return `${kind} ${JSON.stringify(rest)}`
}
