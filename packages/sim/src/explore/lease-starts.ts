import { epsilon } from './lease-node.ts'
import { packRest, unpackRest } from './lease-rest.ts'
import { holderNames, type LeaseScene } from './lease-scene.ts'

/** Where a search begins: nothing has happened, or what it takes long to come to has. */
export function startsOf(scene: LeaseScene, faults: number): Int32Array[] {
  const {
    nodes,
    soups,
    names,
    rosters,
    quorumsOf,
    tokens,
    soupAt,
    restAt,
    next,
    boots,
    adopts,
    holderActs,
    crashAct,
    hearAct,
    coveredAct,
    sift,
    stepAcceptor,
    stepHolder,
    openQuestion,
    exchange,
    passTime,
  } = scene
  const A = names.length
  const start = (prepareStart: () => void, isChanged = false): Int32Array => {
    next.fill(0)
    for (const [v, name] of names.entries()) next[v] = nodes.acceptor(name, rosters[0], 1)
    for (const [h, name] of holderNames.entries()) next[A + h] = nodes.holder(name, rosters[0])
    next[soupAt] = soups.empty
    next[restAt] = packRest({
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
  return [
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
      passTime(1 - epsilon, 1 + epsilon, unpackRest(0))
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
  //, starts: from === undefined ? starts : starts.slice(from, from + 1), follow }
}
