import { generateVoterScript, playVoters } from '@rejoin/sim'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { hooksOf, openPage } from '../support/page-hooks.ts'
import { type PageServer, servePage } from '../support/page-server.ts'
import type { WorldsHooks } from './page/worlds-page.ts'

const call = hooksOf<WorldsHooks>()
let browser: Browser
let pages: PageServer

beforeAll(async () => {
  ;[browser, pages] = await Promise.all([launchChromium(), servePage('test/e2e/page/worlds-page.ts')])
})
afterAll(async () => {
  await browser?.close()
  await pages?.close()
})

describe('worlds of voters in a page', () => {
  it('[VW5] [SM2] end exactly as they do here, over all events, bytes, times and digests', async () => {
    const page = await openPage(browser, pages.url)
    for (const seed of [0, 5, 7, 11, 12, 15]) {
      const there = await call(page, 'playSeed', seed)
      const { fingerprint, events, wrong } = playVoters(generateVoterScript(seed, { voters: 3, outageMs: 1_000 }))
      expect(there, `seed ${seed}`).toEqual({ fingerprint, events, wrong })
      expect(wrong).toEqual([])
    }
  })
})
