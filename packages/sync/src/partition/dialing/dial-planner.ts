/**
 * Whom to dial, and when. A target is a peer with all of its addresses, or an address of which it is not known who answers.
 *
 * Invariants
 * 1. It never gives up: the wait for a target has a greatest ceiling, and no number of failures takes it off.
 * 2. Waiting is full jitter, `random * min(cap, base * 2^failures)` (Exponential Backoff And Jitter, AWS Architecture
 *    Blog, 2015). Failures are forgotten only after a connection that lived for `healthyMs` or carried data.
 * 3. No second sees more than `perSecond` dials, whatever asks for them.
 * 4. With m replicas of a side dialling, each waits m times as long for a target that the side has lost: all
 *    together dial it once in `capMs / 2` on average, as often as one alone would.
 * 5. What is due is decided from the present state only: lost or doubled inputs delay nothing for good.
 */
import type { NodeId } from '../roster.ts'
import { type AddressRecord, addressKey, type DialTarget, targetOfPeer } from './address.ts'
import type { AddressBookInput } from './address-book.ts'
import { pick } from './dial-candidates.ts'
import { paceOf } from './dial-options.ts'
import type { DialPlanner, DialPlannerEffect, DialPlannerInput, DialPlannerOptions } from './dial-types.ts'
import { createDials } from './dials.ts'
import { raceOrder } from './happy-eyeballs.ts'
import { createPeerLinks } from './peer-links.ts'
import { createWaits } from './waits.ts'

/** Dials that were under way for less are not given up for a hint: they began in the new network. */
const freshDialMs = 1000
/** Peers of the far side that show up within this time are one hint. */
const contactDebounceMs = 10_000
/** Waits of targets that are no more, kept until somebody looks. */
const mostOldWaits = 64
/** By how many replicas a wait is stretched where no roster says who they are: more could be made up. */
const mostUnknownOnSide = 64

/** Makes a planner; it begins with `start`. A step costs O(targets of the book). */
export function createDialPlanner(options: DialPlannerOptions): DialPlanner {
  const { self, book, breaker, budget, links: limits, random } = options
  const pace = paceOf(options.pace ?? {})
  const waits = createWaits(pace, random)
  const links = createPeerLinks(self)
  const dials = createDials()
  const { connected } = links
  let reachable: ReadonlySet<NodeId> = new Set()
  let effects: DialPlannerEffect[] = []
  let phase: 'idle' | 'running' | 'stopped' = 'idle'
  let feelerAt = 0
  let hintedAt = Number.NEGATIVE_INFINITY
  let hintAt: number | undefined
  let contactAt = Number.NEGATIVE_INFINITY
  let wakeAt: number | undefined

  const jitter = (ms: number): number => ms * (0.8 + 0.4 * random())
  const tellBook = (input: AddressBookInput): void => {
    effects.push(...book.step(input))
  }
  const isAbsent = (peer: NodeId | undefined): boolean =>
    peer === undefined || !(connected.has(peer) || reachable.has(peer))
  /** How many of this side dial like us. A voter counts voters only: nobody can make up more of those. */
  const countSide = (): number => {
    const isVoter = book.voters.has(self)
    let count = 1
    for (const peer of connected) if (!reachable.has(peer) && (!isVoter || book.voters.has(peer))) count += 1
    for (const peer of reachable) if (peer !== self && (!isVoter || book.voters.has(peer))) count += 1
    return isVoter ? count : Math.min(count, mostUnknownOnSide)
  }

  /** The targets that may be dialled as things are, and when the first of the others will be due. */
  const survey = (now: number): { due: DialTarget[]; nextAt: number } => {
    const isFull = connected.size >= limits.target
    let side: number | undefined
    const due: DialTarget[] = []
    let nextAt = Number.POSITIVE_INFINITY
    for (const candidate of (isFull ? book.important : book.targets).values()) {
      const { target, peer, tier } = candidate
      if (dials.hasTarget(target) || (peer !== undefined && connected.has(peer))) continue
      // Where we reach but ourselves there is little to hope for, until it is somebody else's address.
      const isSlow = tier === 'known' || peer === self
      const isLost = !isSlow && isAbsent(peer)
      if (isFull && !isLost) continue
      if (isLost) side ??= countSide()
      const at = waits.dueAt(target, isSlow ? pace.knownCapMs : pace.capMs, isLost ? (side ?? 1) : 1)
      if (at > now) nextAt = Math.min(nextAt, at)
      else due.push(candidate)
    }
    return { due, nextAt }
  }
  const isExtra = ({ tier, target }: DialTarget): boolean => tier === 'bootstrap' && !waits.has(target)
  const mayGoNow = (candidate: DialTarget): boolean => {
    const isUrgent = connected.size < limits.min || waits.isHinted(candidate.target)
    return dials.places < (isUrgent ? pace.parallel : 1) || isExtra(candidate)
  }
  const dial = (candidate: DialTarget, { now, wall }: DialPlannerInput, isFeeler: boolean): void => {
    const { target, addresses } = candidate
    const byKey = new Map(raceOrder(addresses).map((record) => [addressKey(record), record]))
    const keys = breaker.admit([...byKey.keys()], { isBelowMin: connected.size < limits.min, now })
    const deadline = now + jitter(pace.timeoutMs)
    const begun = { target, keys: new Set(keys), since: now, deadline, isFeeler, isExtra: isExtra(candidate) }
    const id = dials.begin(begun)
    waits.begin(target)
    budget.spend(now)
    effects.push({ kind: 'dial', dial: id, addresses: keys.map((key) => byKey.get(key) as AddressRecord) })
    for (const key of keys) tellBook({ kind: 'tried', key, wall })
  }
  /** Looks at somebody untried or absent, so that the book stays true and a split without voters is found. */
  const feel = (input: DialPlannerInput): void => {
    feelerAt = input.now + jitter(pace.feelerMs)
    tellBook({ kind: 'age', wall: input.wall })
    const strange = [...book.targets.values()].filter(({ target, peer, tier, addresses }) => {
      if (dials.hasTarget(target) || peer === self || tier !== 'known') return false
      return isAbsent(peer) || (addresses[0]?.lastTry === undefined && !connected.has(peer as NodeId))
    })
    const chosen = strange[Math.floor(random() * strange.length)]
    if (chosen !== undefined) dial(chosen, input, true)
  }
  const plan = (input: DialPlannerInput): void => {
    const { now } = input
    for (;;) {
      const budgetAt = budget.nextAt(now)
      const isFeeling = connected.size >= limits.target && dials.size === 0
      const isFeelerDue = isFeeling && feelerAt <= now
      // Nothing can be done before the budget allows it: then is soon enough to look.
      const { due, nextAt } = budgetAt > now ? { due: [], nextAt: budgetAt } : survey(now)
      const next = due.length === 0 ? undefined : pick(due.filter(mayGoNow), waits, random)
      if (next !== undefined) dial(next, input, false)
      else if (isFeelerDue && budgetAt <= now) feel(input)
      else {
        const feeler = isFeeling && !isFeelerDue ? feelerAt : nextAt
        const first = Math.min(nextAt, feeler, hintAt ?? nextAt, dials.deadline)
        wakeAt = first === Number.POSITIVE_INFINITY ? undefined : first
        return
      }
    }
  }

  const blame = (key: string, now: number): void => {
    const hasOtherLink = links.size > 0
    tellBook({ kind: 'failed', key, hasOtherLink })
    if (hasOtherLink) breaker.step({ kind: 'failed', key, now })
  }
  /** Whom the book has no address of is not dialled: nothing is kept of those, however many come. */
  const wait = (target: string, now: number, isRefused: boolean): void => {
    if (book.targets.has(target)) waits.fail(target, now, isRefused)
    if (waits.size > 2 * book.targets.size + mostOldWaits) waits.keep((kept) => book.targets.has(kept))
  }
  const failDial = (id: number, now: number, isRefused: boolean): void => {
    const ended = dials.end(id)
    if (ended === undefined) return
    for (const key of ended.keys) blame(key, now)
    wait(ended.target, now, isRefused)
  }
  const giveUp = (id: number): void => {
    effects.push({ kind: 'give-up', dial: id })
  }
  /** Makes all targets due of which `isMeant` is true, also those that are being dialled into the dark. */
  const retry = (now: number, isNewNetwork: boolean, isMeant: (target: string) => boolean): void => {
    for (const [id, { target, since }] of dials.entries) {
      if (now - since < freshDialMs || !isMeant(target)) continue
      giveUp(id)
      dials.end(id)
      wait(target, now, false)
    }
    for (const target of waits.targets) if (isMeant(target)) waits.hint(target, isNewNetwork)
  }
  const hint = (now: number): void => {
    hintAt = Math.max(now, hintedAt + pace.debounceMs)
    if (hintAt > now) return
    hintAt = undefined
    hintedAt = now
    retry(now, true, () => true)
  }
  /** Somebody whom our side had lost is there: the others of the far side may be, too. */
  const contact = (now: number): void => {
    if (now - contactAt < contactDebounceMs) return
    contactAt = now
    retry(now, false, (target) => book.important.has(target) && isAbsent(book.important.get(target)?.peer))
  }

  const close = (link: number, reason: 'duplicate' | 'full' | 'self' | 'feeler'): void => {
    effects.push({ kind: 'close', link, reason })
    links.drop(link)
  }
  const isWelcome = (peer: NodeId): boolean =>
    book.voters.has(peer) || book.targets.get(targetOfPeer(peer))?.tier === 'anchor'
  const up = (input: DialPlannerInput & { readonly kind: 'up' }): void => {
    const { link, peer, key, now, wall } = input
    const ended = input.dial === undefined ? undefined : dials.end(input.dial)
    const isOurs = input.dial !== undefined
    if (links.has(link)) return
    const wasAbsent = isAbsent(peer)
    const isFull = connected.size >= (isOurs ? limits.target : limits.max) && !connected.has(peer)
    links.add(link, { peer, since: now, isOurs, key })
    if (isOurs && key !== undefined) tellBook({ kind: 'ok', key, peer, wall })
    // Somebody else answered: whom we dialled is not there.
    if (ended !== undefined && ended.target !== targetOfPeer(peer)) wait(ended.target, now, false)
    const reason = reasonToClose(peer, isOurs, isFull, ended?.isFeeler === true && !wasAbsent)
    if (reason !== undefined) close(link, reason)
    if (reason === 'self') wait(targetOfPeer(self), now, true)
    if (reason !== undefined) return
    for (const duplicate of links.superfluous(peer)) close(duplicate, 'duplicate')
    if (wasAbsent && isOfFarSide(peer)) contact(now)
  }
  const reasonToClose = (peer: NodeId, isOurs: boolean, isFull: boolean, isIdle: boolean) => {
    if (peer === self) return 'self'
    if (isOurs) return isFull && isIdle ? 'feeler' : undefined
    return isFull && !isWelcome(peer) ? 'full' : undefined
  }
  const isOfFarSide = (peer: NodeId): boolean => book.voters.size === 0 || book.voters.has(peer)
  const down = (input: DialPlannerInput & { readonly kind: 'down' }): void => {
    const ended = links.drop(input.link)
    if (ended === undefined) return
    const { peer, key, since } = ended
    const target = targetOfPeer(peer)
    const isHealthy = input.productive || input.now - since >= pace.healthyMs
    if (isHealthy) waits.forgive(target)
    if (key !== undefined) {
      if (isHealthy) breaker.step({ kind: 'ok', key, now: input.now })
      if (isHealthy) tellBook({ kind: 'healthy', key })
      else blame(key, input.now)
    }
    if (!connected.has(peer)) wait(target, input.now, input.refused)
  }
  const takeSide = (now: number, next: ReadonlySet<NodeId>): void => {
    let isBack = false
    for (const peer of next) if (!reachable.has(peer) && isOfFarSide(peer) && isAbsent(peer)) isBack = true
    const old = reachable
    reachable = next
    // All of this side lose them at once: they must not dial them at once.
    for (const { target, peer } of book.important.values())
      if (peer !== undefined && old.has(peer) && isAbsent(peer) && !waits.has(target)) wait(target, now, false)
    if (isBack) contact(now)
  }

  const take = (input: DialPlannerInput): void => {
    const { now } = input
    switch (input.kind) {
      case 'start':
        phase = 'running'
        feelerAt = now + jitter(pace.feelerMs)
        break
      case 'stop':
        phase = 'stopped'
        for (const [id] of dials.entries) giveUp(id)
        break
      case 'book':
        tellBook(input.input)
        break
      case 'attempt-failed':
        if (dials.get(input.dial)?.keys.delete(input.key)) blame(input.key, now)
        break
      case 'failed':
        failDial(input.dial, now, input.refused)
        break
      case 'up':
        up(input)
        break
      case 'down':
        down(input)
        break
      case 'hint':
        hint(now)
        break
      case 'side':
        takeSide(now, input.reachable)
        break
    }
  }

  return {
    connected,
    get dials(): number {
      return dials.size
    },
    get wakeAt(): number | undefined {
      return wakeAt
    },
    step: (input) => {
      if (phase === 'stopped') return []
      effects = []
      take(input)
      if (hintAt !== undefined && hintAt <= input.now) hint(input.now)
      for (const [id, { deadline }] of dials.entries) {
        if (deadline > input.now || phase !== 'running') continue
        giveUp(id)
        failDial(id, input.now, false)
      }
      if (phase === 'running') plan(input)
      else wakeAt = undefined
      return effects
    },
  }
}
