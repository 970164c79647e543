import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { hooksOf, openPage } from '../support/page-hooks.ts'
import { type PageServer, servePage } from '../support/page-server.ts'
import type { ContractHooks } from './page/contract-page.ts'

let browser: Browser
let server: PageServer
let context: BrowserContext

beforeAll(async () => {
  const [launched, served] = await Promise.all([launchChromium(), servePage('test/e2e/page/contract-page.ts')])
  browser = launched
  server = served
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
})
afterEach(async () => {
  await context.close()
})

const eventually = { timeout: 15_000 }
const call = hooksOf<ContractHooks>()
const openTab = (): Promise<Page> => openPage(context, server.url)
async function freshProfile(): Promise<Page> {
  context = await browser.newContext()
  return await openTab()
}

describe('in a real browser', () => {
  it('IndexedDB, BroadcastChannel and the page keep their contracts', async () => {
    const page = await freshProfile()
    const outcomes = await call(page, 'runContracts')
    expect(outcomes.length).toBeGreaterThan(20)
    expect(outcomes.filter(({ failure }) => failure !== undefined)).toEqual([])
  })

  it('data removed under an open tab is storage-evicted, told by itself, and the empty store works', async () => {
    const page = await freshProfile()
    expect(await call(page, 'write', 'before', 1000)).toBe('resolved')
    const devtools = await context.newCDPSession(page)
    await devtools.send('Storage.clearDataForOrigin', {
      origin: new URL(server.url).origin,
      storageTypes: 'indexeddb',
    })
    await expect
      .poll(() => call(page, 'statuses'), eventually)
      .toContainEqual({ state: 'failing', code: 'storage-evicted' })
    await expect.poll(() => call(page, 'write', 'after', 1000), eventually).toBe('resolved')
    expect(await call(page, 'keys')).toEqual(['after'])
  })

  it('a tab makes room for a newer version in another tab, and says that it must be reloaded', async () => {
    const old = await freshProfile()
    expect(await call(old, 'write', 'row', 1000)).toBe('resolved')
    const fresh = await openTab()
    expect(await call(fresh, 'upgrade')).toBe('upgraded')
    await expect.poll(() => call(old, 'statuses'), eventually).toEqual([{ state: 'failing', code: 'storage-blocked' }])
    expect(await call(old, 'write', 'late', 1000)).toBe('storage-blocked')
    expect(await call(old, 'read')).toBe('storage-blocked')
  })

  it('a lock is held by one tab at a time and freed when its tab is gone', async () => {
    const holder = await freshProfile()
    const other = await openTab()
    await call(holder, 'hold')
    expect(await call(other, 'tryLock')).toBe(false)
    await holder.close()
    await expect.poll(() => call(other, 'tryLock'), eventually).toBe(true)
  })
})
