import { type Lease, votedLeases, watchPartitions } from '@rejoin/sync/partition'
import { afterEach, describe, expect, it } from 'vitest'
import { openClient, run, serverOf } from './command.test-helper.ts'
import type { LeasesView } from './leases-view.ts'
import { leasesLine, leasesWords } from './leases-words.ts'
import type { ServerOptions } from './options.ts'

const stops: (() => PromiseLike<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A server that votes alone, and a client that holds leases of it. */
async function held(
  wanted: readonly (readonly [document: string, lease: string])[],
  options: Partial<ServerOptions> = {},
) {
  const server = serverOf({ node: 'a', ...options })
  stops.push(() => server.close())
  const { url, syncUrl } = await server.listen()
  const replica = await openClient(syncUrl)
  stops.push(() => replica.close())
  const watch = watchPartitions(replica, { leases: votedLeases })
  const leases: Lease[] = []
  for (const [document, name] of wanted) leases.push(await watch.lease({ name: document }, name, { ttlMs: 3000 }))
  for (const lease of leases) await lease.held()
  return { server, url, replica, leases, holder: `${replica.id.slice(0, 21)} (client)` }
}

const view: LeasesView = {
  self: 'a',
  note: '',
  isVoter: true,
  leases: [],
  count: 0,
  more: 0,
}
const lease = {
  document: 'match',
  name: 'round',
  holder: 'b',
  token: { epoch: 1, ballot: 3 },
  until: Date.UTC(2026, 0, 1),
}

describe('rejoin leases', () => {
  it('[SV53] lists who holds which lease by the votes of the server, for how long, and what that is worth', async () => {
    const { url, holder, leases } = await held([
      ['match', 'round'],
      ['shelf/2', 'top'],
    ])
    const { status, out } = await run(['leases', '--url', url]).done
    expect(status).toBe(0)
    const [header = '', first = '', second = '', empty, ...rest] = out.split('\n')
    expect(header).toMatch(/^document +lease +holder +token +until, unless it is renewed$/)
    const [epoch, ballot] = [leases[0]?.token?.epoch, leases[0]?.token?.ballot]
    expect(first).toMatch(
      new RegExp(`^match +round +\\S+ \\(client\\) +${epoch}\\.${ballot} +\\d{4}-\\S+Z \\([1-4] s\\)$`),
    )
    expect(second).toMatch(/^shelf\/2 +top /)
    expect([empty, rest[0]]).toEqual([
      '',
      'This is what a voted for. It may be behind what others voted for: a quorum of the voters decides.',
    ])
    const one = await run(['leases', '--document', 'shelf/2', '--url', url]).done
    expect(one.out).toMatch(/\nshelf\/2 +top .*\n\nThis is what a voted for of shelf\/2\./)
    expect(one.out).not.toContain('round')
    expect((await run(['leases', '--document', 'other', '--url', url]).done).out).toMatch(
      /^no lease of other that a voted for\n/,
    )
    const data = JSON.parse((await run(['leases', '--json', '--url', url]).done).out)
    expect(data).toMatchObject({
      self: 'a',
      isVoter: true,
      count: 2,
      more: 0,
      leases: [{ document: 'match', name: 'round', holder, token: { epoch, ballot } }, { document: 'shelf/2' }],
    })
    leases[0]?.release()
    await expect
      .poll(async () => (await run(['leases', '--url', url]).done).out, { timeout: 5000 })
      .not.toContain('match')
  }, 30_000)

  it('[SV54] is told by rejoin status too: how many, and the first of them', async () => {
    const many = Array.from({ length: 7 }, (_, at) => ['match', `lease ${at}`] as const)
    const { url, holder } = await held(many)
    const { out } = await run(['status', '--url', url]).done
    const named = many.slice(0, 5).map(([document, name]) => `${name} of ${document} by ${holder}`)
    expect(out.split('\n')[2]).toBe(`leases: 7 that a voted for: ${named.join(', ')}, and 2 more (\`rejoin leases\`)`)
    const data = JSON.parse((await run(['status', '--json', '--url', url]).done).out)
    expect([data.leases.count, data.leases.more, data.leases.leases.length]).toEqual([7, 2, 5])
    const none = await held([])
    expect((await run(['status', '--url', none.url]).done).out).toContain('\nleases: none that a voted for\n')
  }, 30_000)

  it('[SV55] is at /debug/leases as data, for operators alone, of one document by its name', async () => {
    const { url } = await held([['shelf/2', 'top']], {
      authorize: ({ document }) => (document === '@cluster' ? 'no' : 'write'),
    })
    const at = async (path: string, headers = {}) => await fetch(`${url}/debug/${path}`, { headers })
    expect(await (await at('leases')).json()).toMatchObject({
      count: 1,
      note: expect.stringMatching(/a quorum of the voters decides/),
    })
    expect(await (await at('leases/shelf%2F2')).json()).toMatchObject({ count: 1, leases: [{ name: 'top' }] })
    expect(await (await at('leases/other')).json()).toMatchObject({ count: 0, leases: [] })
    expect((await at('leases/%')).status).toBe(404)
    expect((await at('leases', { 'x-forwarded-for': '203.0.113.9' })).status).toBe(401)
    expect(await (await at('')).text()).toContain('/debug/leases/DOCUMENT')
  }, 30_000)

  it('[SV56] is a number among the metrics, with votes, refusals by reason, and what ended', async () => {
    const { server, leases, url } = await held([['match', 'round']])
    const number = async (name: string) =>
      Number(new RegExp(`^rejoin_lease_${name} (.*)$`, 'm').exec(await server.metrics())?.[1])
    const numbers = async () => [
      await number('live'),
      await number('grants_total'),
      await number('releases_total'),
      await number('lapses_total'),
    ]
    expect(await numbers()).toEqual([1, 1, 0, 0])
    expect(await number('refusals_total\\{reason="held"\\}')).toBe(0)
    const other = await openClient(`${url.replace('http', 'ws')}/sync`)
    stops.push(() => other.close())
    const wanted = await watchPartitions(other, { leases: votedLeases }).lease({ name: 'match' }, 'round')
    await expect.poll(() => number('refusals_total\\{reason="held"\\}'), { timeout: 20_000 }).toBeGreaterThan(0)
    await expect.poll(() => wanted.denial).toMatch(/holds it/)
    leases[0]?.release()
    await wanted.held()
    expect(await numbers()).toEqual([1, 2, 1, 0])
  }, 60_000)

  it('[SV57] says how many more there are, what may be missing, and whom to ask; names move no cursor', () => {
    expect(leasesWords({ ...view, isVoter: false }, undefined, 0)).toEqual([
      'a has no vote, so that it knows of no leases: ask a voter.',
    ])
    expect(leasesLine({ ...view, isVoter: false })).toEqual([])
    const some = { ...view, leases: [lease], count: 9, more: 8 }
    expect(leasesWords(some, undefined, lease.until - 1500)).toContain(
      'and 8 more; --document NAME lists those of one document',
    )
    expect(leasesWords(some, 'match', 0)).toContain('and 8 more')
    expect(leasesWords(some, undefined, lease.until - 1500)[1]).toMatch(/ 1\.3 +2026-01-01T00:00:00\.000Z \(2 s\)$/)
    expect(leasesWords(some, undefined, lease.until + 1500)[1]).toMatch(/\(0 s\)$/)
    const young = { ...view, mayLackUntil: Date.UTC(2026, 0, 1) }
    for (const one of [young, { ...some, ...young }])
      expect(leasesWords(one, undefined, 0).at(-1)).toBe(
        'Until 2026-01-01T00:00:00.000Z leases of before may be missing here: a was started a short while ago, or the roster was changed.',
      )
    const evil = { ...some, leases: [{ ...lease, document: 'x\u001b[2J', name: 'y\n', holder: 'z\u202e (client)' }] }
    const said = [...leasesWords(evil, 'x\u009b1A', 0), ...leasesLine(evil)].join('')
    expect(said).not.toMatch(/\p{C}/u)
    expect(said).toContain('x\\u{1b}[2J')
  })
})
