import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { serveFolder } from '../support/serve-folder.ts'

interface Visit {
  readonly page: Page
  readonly troubles: string[]
}

/** The built lab on a port of its own, and a browser, for the tests of one file. */
export function openLab(): { visit(hash?: string, options?: BrowserContextOptions): Promise<Visit> } {
  let browser: Browser
  let site: { url: string; close(): void }

  beforeAll(async () => {
    site = await serveFolder(fileURLToPath(new URL('../../apps/demo/dist', import.meta.url)))
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    site?.close()
  })
  // Also after a failure: a page that stays open sails on, and slows what comes after it.
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
  })

  return {
    visit: async (hash = '', options = {}) => {
      // Reduced motion: colours change at once, and the machine that runs this has something else to do.
      const context = await browser.newContext({
        viewport: { width: 1280, height: 820 },
        reducedMotion: 'reduce',
        ...options,
      })
      const page = await context.newPage()
      const troubles: string[] = []
      page.on('pageerror', (error) => troubles.push(String(error)))
      page.on('console', (message) => {
        if (message.type() === 'error') troubles.push(message.text())
      })
      await page.goto(site.url + hash)
      await page.locator('.isle').first().waitFor()
      return { page, troubles }
    },
  }
}

export const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).textContent()) ?? ''
export const textsOf = (page: Page, selector: string): Promise<string[]> => page.locator(selector).allTextContents()
export const sealOf = (page: Page): Promise<string> => textOf(page, '.conv [role=status]')
export const digestsOf = (page: Page): Promise<string[]> =>
  page
    .locator('.isle')
    .evaluateAll((isles) => isles.map((isle) => /digest (\w+)/.exec(isle.getAttribute('aria-label') ?? '')?.[1] ?? ''))
/** What is waited for: an element, the beginning of the seal's text, or some seconds. */
type Shown = { readonly selector: string } | { readonly seal: string } | { readonly seconds: number }

/**
 * Sails on by whole seconds, as Shift and Right do, until the page shows it. The keys are sent from inside the page: a
 * round trip for each of them is what would take the time.
 */
export async function sailUntil(page: Page, shown: Shown): Promise<void> {
  const reached = await page.evaluate(async (wanted) => {
    const isShown = (second: number): boolean => {
      if ('seconds' in wanted) return second >= wanted.seconds
      if ('selector' in wanted) return document.querySelector(wanted.selector) !== null
      return document.querySelector('.conv [role=status]')?.textContent?.startsWith(wanted.seal) === true
    }
    for (let second = 0; second < 200; second += 1) {
      if (isShown(second)) return true
      dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', shiftKey: true }))
      await new Promise((rendered) => setTimeout(rendered, 5))
    }
    return false
  }, shown)
  expect(reached).toBe(true)
}
