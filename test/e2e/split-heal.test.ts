import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { hooksOf, openPage } from '../support/page-hooks.ts'
import { type PageServer, servePage } from '../support/page-server.ts'
import { relayTo, type TcpRelay } from '../support/tcp-relay.ts'
import { type ServerProcess, startServer } from '../system/server-process.ts'
import type { Edit, IslandHooks } from './page/island-page.ts'

let browser: Browser
let pages: PageServer
let server: ServerProcess
let cable: TcpRelay
const dataDir = mkdtempSync(join(tmpdir(), 'rejoin-split-'))

beforeAll(async () => {
  ;[browser, pages] = await Promise.all([launchChromium(), servePage('test/e2e/page/island-page.ts')])
  server = await startServer({ dataDir, args: ['--origin', new URL(pages.url).origin] })
  cable = await relayTo(server.port)
})
afterAll(async () => {
  await browser?.close()
  await cable?.close()
  await server?.kill()
  await pages?.close()
  rmSync(dataDir, { recursive: true, force: true })
})

const call = hooksOf<IslandHooks>()
const islandUrl = (): string => `${pages.url}?sync=ws://127.0.0.1:${cable.port}/sync`
const openIsland = (profile: BrowserContext): Promise<Page> => openPage(profile, islandUrl())
const eventually = { timeout: 15_000 }
async function watched(page: Page, troubles: string[]): Promise<Page> {
  page.on('pageerror', (error) => troubles.push(String(error)))
  return page
}
const sameDigest = (...tabs: Page[]) =>
  expect.poll(async () => new Set(await Promise.all(tabs.map((tab) => call(tab, 'digest')))).size, eventually).toBe(1)
const unsavedOf = (tab: Page) => expect.poll(() => call(tab, 'unsaved'), eventually)
const linkOf = (tab: Page) => expect.poll(() => call(tab, 'link'), eventually)

/**
 * The planted conflicts, as the side `ours` reports them: alice wrote first and removed, bob wrote later and kept. What
 * both counted, added or logged merges without one.
 */
function planted(ours: string, theirs: string) {
  const isAlice = ours === 'of alice'
  const bobWins = isAlice ? 'theirs' : 'ours'
  const sides = (alice: unknown, bob: unknown) =>
    isAlice ? { ours: alice, theirs: bob } : { ours: bob, theirs: alice }
  return [
    { path: 'banner', rule: 'all-kept', winner: 'both', ours, theirs },
    { path: 'boats/ada/name', rule: 'add-wins', winner: bobWins, ...sides('removed', 'Ada the Second') },
    { path: 'chest rope', rule: 'add-wins', winner: bobWins, ...sides('removed', null) },
    { path: 'open', rule: 'enable-wins', winner: bobWins, ...sides(false, true) },
    { path: 'weather', rule: 'newer', winner: bobWins, ...sides('storm', 'fog') },
  ]
}

describe('[D3] two browsers and a server', () => {
  it('edit together, are split, both go on, one reloads meanwhile, and heal with an exact report', async () => {
    const troubles: string[] = []
    const [aliceProfile, bobProfile] = [await browser.newContext(), await browser.newContext()]
    const alice = await watched(await openIsland(aliceProfile), troubles)
    let bob = await watched(await openIsland(bobProfile), troubles)
    // Knows nothing of a server; hears of everything from the other tab of its profile.
    const aside = await watched(await openPage(aliceProfile, pages.url), troubles)

    // Together, at the same time.
    await Promise.all([
      call(
        alice,
        'edit',
        [
          ['weather', 'calm'],
          ['put', 'rope'],
          ['launch', 'ada', 'Ada'],
          ['open', true],
        ],
        'server',
      ),
      call(
        bob,
        'edit',
        [
          ['tally', 2],
          ['launch', 'eve', 'Eve'],
          ['write', 'bob is here'],
        ],
        'server',
      ),
    ])
    await sameDigest(alice, bob, aside)
    expect(await call(alice, 'snapshot')).toMatchObject({ weather: 'calm', tally: 2, chest: ['rope'] })
    await unsavedOf(alice).toBe(0)
    await unsavedOf(bob).toBe(0)

    // Apart.
    cable.cut()
    for (const tab of [alice, bob]) await linkOf(tab).toBe('offline')
    await call(
      alice,
      'edit',
      [
        ['weather', 'storm'],
        ['banner', 'of alice'],
        ['open', false],
        ['take', 'rope'],
        ['sink', 'ada'],
        ['load', 'eve', 3],
        ['tally', 5],
        ['put', 'lamp'],
        ['write', 'alice alone'],
      ],
      'disk',
    )
    await sameDigest(alice, aside)
    await call(
      bob,
      'edit',
      [
        ['weather', 'fog'],
        ['banner', 'of bob'],
        ['open', true],
        ['put', 'rope'],
        ['launch', 'ada', 'Ada the Second'],
        ['load', 'eve', 4],
        ['tally', 7],
        ['put', 'map'],
      ],
      'disk',
    )
    const beforeReload = await call(bob, 'snapshot')
    expect(await call(bob, 'unsaved')).toBe(8)

    // Bob reloads while cut off: the new tab is up while the old one is still busy closing and answers nobody.
    const closing = call(bob, 'freeze', 3000).catch(() => undefined)
    const old = bob
    bob = await watched(await openIsland(bobProfile), troubles)
    expect(await call(bob, 'atOpen')).toEqual({ snapshot: beforeReload, unsaved: 8 })
    await call(bob, 'edit', [['write', 'bob after the reload']], 'disk')
    await closing
    await old.close()
    expect(await call(bob, 'unsaved')).toBe(9)
    expect(await call(alice, 'unsaved')).toBe(9)
    const apart = await Promise.all([alice, bob].map((tab) => call(tab, 'digest')))
    expect(apart[0]).not.toBe(apart[1])

    // Together again.
    cable.restore()
    for (const tab of [alice, bob]) await call(tab, 'reconnect')
    for (const tab of [alice, bob]) await linkOf(tab).toBe('synced')
    await sameDigest(alice, bob, aside)
    for (const tab of [alice, bob]) await unsavedOf(tab).toBe(0)
    const healed = await call(alice, 'snapshot')
    expect(healed).toEqual({
      weather: 'fog',
      banner: ['of alice', 'of bob'],
      tally: 14,
      open: true,
      chest: ['lamp', 'map', 'rope'],
      boats: { ada: { name: 'Ada the Second', cargo: 0 }, eve: { name: 'Eve', cargo: 7 } },
      log: ['bob is here', expect.any(String), expect.any(String)],
    })
    expect(healed.log.toSorted()).toEqual(['alice alone', 'bob after the reload', 'bob is here'])
    for (const tab of [bob, aside]) expect(await call(tab, 'snapshot')).toEqual(healed)
    const report = (tab: Page) => expect.poll(async () => (await call(tab, 'heals')).at(-1), eventually)
    await report(alice).toMatchObject({ ours: 9, conflicts: planted('of alice', 'of bob') })
    await report(bob).toMatchObject({ ours: 9, conflicts: planted('of bob', 'of alice') })
    // Who heals first hears of the conflicts in a later revision, and had nothing of the other side to count.
    const theirs = await Promise.all([alice, bob].map(async (tab) => (await call(tab, 'heals')).at(-1)?.theirs))
    expect(theirs).toContain(9)
    expect(troubles).toEqual([])
  })

  it('an edit made at the moment of a reload is there afterwards', async () => {
    const profile = await browser.newContext()
    const page = await openPage(profile, pages.url)
    for (let round = 1; round <= 3; round++) {
      await call(page, 'edit', [['tally', 1]], 'disk')
      // Ten changes of their own, then the reload, with nobody waiting for the disk.
      const before = await call(page, 'loadedAt')
      const ten = Array.from({ length: 10 }, (): Edit => ['tally', 1])
      await call(page, 'editAndReload', ten).catch(() => undefined)
      await page.waitForFunction(`globalThis.hooks !== undefined && hooks.loadedAt() !== ${before}`)
      expect((await call(page, 'atOpen')).snapshot.tally).toBe(round * 11)
    }
    await profile.close()
  })
})
