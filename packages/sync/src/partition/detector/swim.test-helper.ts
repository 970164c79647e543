import { expect } from 'vitest'
import { seededRandom } from '../../world.test-helper.ts'
import { detectorPresets } from './presets.ts'
import { createSwim, type Swim } from './swim.ts'
import type { MemberStatus, Rumour, SwimMessage } from './swim-messages.ts'
import type { SwimEffect } from './swim-types.ts'

export const { lan } = detectorPresets
export const others = ['bob', 'carol', 'dave', 'erin']

/** Alice, with some members that are connected and said to be alive. */
export function alice(peers: readonly string[] = others, options: { readonly seed?: number } = {}): Swim {
  const swim = createSwim({ self: 'alice', settings: lan, random: seededRandom(options.seed ?? 1).float })
  for (const peer of peers) {
    swim.step({ kind: 'join', peer, now: 0 })
    swim.step({ kind: 'opened', peer, now: 0 })
    swim.step({ kind: 'message', from: peer, now: 0, message: tableOf(peer, 1) })
  }
  return swim
}

export const tableOf = (id: string, incarnation: number): SwimMessage => ({
  kind: 'table',
  isAnswer: true,
  rumours: [{ id, status: 'alive', incarnation, by: [] }],
})
export const gossip = (...rumours: Rumour[]): SwimMessage => ({ kind: 'gossip', rumours })
export const rumour = (id: string, status: MemberStatus, incarnation: number, ...by: string[]): Rumour => ({
  id,
  status,
  incarnation,
  by,
})
export const statusOf = (swim: Swim, peer: string): MemberStatus | undefined => swim.memberOf(peer)?.status
export const sentIn = (effects: readonly SwimEffect[], kind?: SwimMessage['kind']) =>
  effects.flatMap((effect) =>
    effect.kind === 'send' && (kind === undefined || effect.message.kind === kind) ? [effect] : [],
  )
export const changesIn = (effects: readonly SwimEffect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === 'stateChanged' ? [`${effect.peer} ${effect.from}>${effect.to}`] : []))

/** Ticks whenever one is wanted. Whoever is in `answering` answers probes at once. */
export function run(
  swim: Swim,
  from: number,
  until: number,
  answering: readonly string[] = [],
  incarnation = 1,
): SwimEffect[] {
  const all: SwimEffect[] = []
  let now = from
  const take = (effects: SwimEffect[]): void => {
    all.push(...effects)
    for (const { to, message } of sentIn(effects, 'probe'))
      if (answering.includes(to) && message.kind === 'probe')
        take(
          swim.step({
            kind: 'message',
            from: to,
            now,
            message: { kind: 'ack', seq: message.seq, incarnation, rumours: [] },
          }),
        )
  }
  for (let ticks = 0; ticks < 100_000; ticks++) {
    const at = swim.wakeAt
    if (at === undefined || at > until) return all
    now = Math.max(now, at)
    take(swim.step({ kind: 'tick', now }))
  }
  throw new Error('time does not advance')
}

/** Carol and bob say of all that they are not there, who answer without refuting it: that makes them worth a probe. */
export function accuseAll(swim: Swim): void {
  for (const peer of others) {
    const lie = gossip(rumour(peer, 'suspect', 1, peer === 'carol' ? 'bob' : 'carol'))
    for (const { to, message } of sentIn(swim.step({ kind: 'message', from: 'bob', now: 0, message: lie }), 'probe')) {
      const seq = message.kind === 'probe' ? message.seq : 0
      swim.step({ kind: 'message', from: to, now: 0, message: { kind: 'ack', seq, incarnation: 1, rumours: [] } })
    }
  }
}

/** Bob is suspected since his connection broke and nobody reached him. */
export function suspectingBob(): { readonly swim: Swim; readonly at: number } {
  const swim = alice()
  swim.step({ kind: 'closed', peer: 'bob', isLost: true, now: 1000 })
  const effects = run(swim, 1000, 1500, ['carol', 'dave', 'erin'])
  expect(changesIn(effects)).toEqual(['bob alive>suspect'])
  return { swim, at: 1500 }
}
