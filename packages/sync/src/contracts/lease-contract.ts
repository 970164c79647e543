import type { FencingToken } from '@rejoin/state'
import type { LeaseBackend, LeaseOutcome } from '../partition/lease/backend.ts'
import type { TestApi } from './test-api.ts'

/** Replicas that ask for the same leases, and the time in which they do. */
export interface LeaseSubject {
  open(replica: string): LeaseBackend
  /** Cuts a replica off from whatever grants leases. */
  cut(replica: string): void | PromiseLike<void>
  /** Lets time go by, with what it brings about. */
  pass(ms: number): PromiseLike<void>
  /** A time to ask leases for; short where time is real. */
  readonly ttlMs: number
  /** Whether word is left with leases. Default true; false where the state of the document itself is handed over. */
  readonly leavesWord?: boolean
  dispose(): void | PromiseLike<void>
}

/** The suite for a `LeaseBackend`. */
export function runLeaseContract(
  { describe, it, expect }: TestApi,
  name: string,
  factory: () => LeaseSubject | PromiseLike<LeaseSubject>,
): void {
  const scenario = (
    title: string,
    body: (subject: LeaseSubject, alice: LeaseBackend, bob: LeaseBackend) => Promise<void>,
  ) =>
    it(title, async () => {
      const subject = await factory()
      await body(subject, subject.open('alice'), subject.open('bob'))
      await subject.dispose()
    })

  describe(`lease contract: ${name}`, () => {
    scenario('[LT33] grants a lease to one at a time, and says why not to another', async ({ ttlMs }, alice, bob) => {
      const granted = tokenOf(await alice.acquire('round', ttlMs))
      expect(granted?.lease).toBe('round')
      const refused = await bob.acquire('round', ttlMs)
      expect(refused.kind).toBe('refused')
      expect(refused.kind === 'refused' && refused.reason.length > 0).toBe(true)
      expect((await bob.acquire('disk', ttlMs)).kind).toBe('granted')
    })

    scenario(
      '[LT34] keeps the token at a renewal, and raises it with each grant',
      async ({ ttlMs, pass }, alice, bob) => {
        const first = tokenOf(await alice.acquire('round', ttlMs)) as FencingToken
        await pass(ttlMs / 2)
        const renewed = await alice.renew(first, ttlMs)
        expect(tokenOf(renewed)).toEqual(first)
        expect(renewed.kind === 'granted' && renewed.validMs > ttlMs / 2 && renewed.validMs <= ttlMs).toBe(true)
        await pass(ttlMs * 0.8)
        expect((await bob.acquire('round', ttlMs)).kind).toBe('refused')
        await alice.release(first)
        const second = tokenOf(await bob.acquire('round', ttlMs)) as FencingToken
        expect(isAbove(second, first)).toBe(true)
      },
    )

    scenario('[LT35] frees a released lease at once, and renews it no more', async ({ ttlMs }, alice, bob) => {
      const token = tokenOf(await alice.acquire('round', ttlMs)) as FencingToken
      await alice.release(token)
      expect((await alice.renew(token, ttlMs)).kind).toBe('refused')
      expect((await bob.acquire('round', ttlMs)).kind).toBe('granted')
      await alice.release(token)
      expect((await alice.acquire('round', ttlMs)).kind).toBe('refused')
    })

    scenario(
      '[LT36] lets a lease lapse whose holder is cut off, there before anywhere else',
      async (subject, alice, bob) => {
        const { ttlMs } = subject
        const told: unknown[] = []
        alice.watch('round', (token) => told.push(token))
        const first = tokenOf(await alice.acquire('round', ttlMs)) as FencingToken
        // Where nobody else keeps the time, a lease lapses by the clock of whoever asked for it before.
        expect((await bob.acquire('round', ttlMs)).kind).toBe('refused')
        await subject.cut('alice')
        await subject.pass(ttlMs * 0.8)
        expect((await bob.acquire('round', ttlMs)).kind).toBe('refused')
        // Longer than any epsilon, and what a renewal right before the cut may have added.
        await subject.pass(ttlMs)
        expect(told).toEqual([first, undefined])
        expect((await alice.renew(first, ttlMs)).kind).toBe('refused')
        const second = tokenOf(await bob.acquire('round', ttlMs)) as FencingToken
        expect(isAbove(second, first)).toBe(true)
      },
    )

    scenario(
      '[LT38] hands the word that was left last to whoever holds the lease next',
      async (subject, alice, bob) => {
        if (subject.leavesWord === false) return
        const { ttlMs } = subject
        const first = await alice.acquire('round', ttlMs)
        expect(first.kind === 'granted' && first.word).toBe(undefined)
        const token = tokenOf(first) as FencingToken
        await alice.renew(token, ttlMs, 'seven')
        await alice.renew(token, ttlMs)
        await bob.acquire('round', ttlMs)
        await subject.cut('alice')
        await subject.pass(ttlMs * 1.2)
        const second = await bob.acquire('round', ttlMs)
        expect(second.kind === 'granted' && second.word).toBe('seven')
        await bob.release(tokenOf(second) as FencingToken)
        const third = await bob.acquire('round', ttlMs)
        expect(third.kind === 'granted' && third.word).toBe('seven')
        // Also after one that never said anything of it.
        const carol = subject.open('carol')
        await carol.acquire('round', ttlMs)
        await subject.cut('bob')
        await subject.pass(ttlMs * 1.2)
        const fourth = await carol.acquire('round', ttlMs)
        expect(fourth.kind === 'granted' && fourth.word).toBe('seven')
      },
    )

    scenario('[LT37] tells when a lease is granted here and when it no longer is', async ({ ttlMs }, alice) => {
      const told: unknown[] = []
      const stop = alice.watch('round', (token) => told.push(token?.lease))
      const token = tokenOf(await alice.acquire('round', ttlMs)) as FencingToken
      await alice.release(token)
      expect(told).toEqual(['round', undefined])
      stop()
      stop()
      await alice.acquire('round', ttlMs)
      expect(told.length).toBe(2)
    })
  })
}

function tokenOf(outcome: LeaseOutcome): FencingToken | undefined {
  return outcome.kind === 'granted' ? outcome.token : undefined
}

function isAbove(later: FencingToken, earlier: FencingToken): boolean {
  return later.epoch === earlier.epoch ? later.ballot > earlier.ballot : later.epoch > earlier.epoch
}
