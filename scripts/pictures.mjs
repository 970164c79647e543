// `npm run pictures`: the pictures of the README, taken from the real demo at the end of its first minute.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { buildQuietly } from './lib/build.mjs'
import { chromiumArguments, findChromium } from './lib/find-chromium.mjs'
import { root } from './lib/steps.mjs'

const folder = join(root, 'docs/images')
const executablePath = findChromium()
if (executablePath === undefined) throw new Error('no Chromium or Chrome found: install one or set CHROME_PATH')

buildQuietly('demo')
mkdirSync(folder, { recursive: true })
const { createServer } = await import('@rejoin/server')
const { memoryStorage } = await import('@rejoin/sync')
const server = createServer({ storage: memoryStorage(), port: 0, staticDir: join(root, 'apps/demo/dist') })
const { url } = await server.listen()
const browser = await chromium.launch({ executablePath, args: [...chromiumArguments] })

for (const colorScheme of /** @type {const} */ (['dark', 'light'])) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme })
  const page = await context.newPage()
  await page.goto(url)
  await toBeat(page, 'One world again')
  await page.screenshot({ path: join(folder, `archipelago-healed-${colorScheme}.png`) })
  await context.close()
  console.log(`docs/images: healed, ${colorScheme}`)
}

await browser.close()
await server.close()

/**
 * Goes through the first minute as a visitor does, who waits at each pause, until the pause below this headline.
 * @param {import('playwright-core').Page} page
 * @param {string} headline
 */
async function toBeat(page, headline) {
  for (;;) {
    const pause = page.locator('.telling.waiting')
    await pause.waitFor({ timeout: 300_000 })
    if (await pause.getByRole('heading', { name: headline }).isVisible()) return
    await next(page)
  }
}

/** @param {import('playwright-core').Page} page */
async function next(page) {
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.locator('.telling:not(.waiting)').waitFor()
}
