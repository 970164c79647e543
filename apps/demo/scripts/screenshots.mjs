// Takes the pictures of the README: `npm run build && node apps/demo/scripts/screenshots.mjs [--all FOLDER]`.
// They are not staged: the script sails the first minute in a browser and takes what five replicas show.
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { chromiumArguments, findChromium } from '../../../scripts/lib/find-chromium.mjs'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const all = process.argv.indexOf('--all')
const folder = all < 0 ? join(root, 'docs/images') : (process.argv[all + 1] ?? '.')
mkdirSync(folder, { recursive: true })

const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
const server = createServer((request, response) => {
  const path = (request.url ?? '/').split('?')[0] ?? '/'
  try {
    const body = readFileSync(join(root, 'apps/demo/dist', path === '/' ? 'index.html' : path))
    response.writeHead(200, { 'content-type': types[/** @type {keyof typeof types} */ (extname(path))] ?? 'text/html' })
    response.end(body)
  } catch {
    response.writeHead(404).end()
  }
})
await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)))
const address = server.address()
const port = typeof address === 'object' && address !== null ? address.port : 0

const browser = await chromium.launch({ executablePath: findChromium() ?? '', args: [...chromiumArguments] })
const desktop = { width: 1440, height: 900, scale: 1 }
const sizes = {
  1440: desktop,
  1000: { width: 1000, height: 800, scale: 1 },
  390: { width: 390, height: 844, scale: 2 },
}
if (all < 0) {
  await sail('dark', desktop, { 4: 'archipelago-healed-dark' })
  await sail('light', desktop, { 4: 'archipelago-healed-light' })
} else {
  for (const theme of /** @type {const} */ (['dark', 'light'])) {
    for (const [name, size] of Object.entries(sizes)) {
      await sail(theme, size, { 0: `${name}-${theme}-calm`, 3: `${name}-${theme}-split`, 4: `${name}-${theme}-healed` })
    }
  }
}
await browser.close()
server.close()

/**
 * Sails the first minute and takes a picture at the pauses named.
 * @param {'dark' | 'light'} theme
 * @param {{ width: number, height: number, scale: number }} size
 * @param {Record<number, string>} pictures
 */
async function sail(theme, size, pictures) {
  const { width, height, scale } = size
  const page = await browser.newPage({ viewport: { width, height }, deviceScaleFactor: scale, colorScheme: theme })
  // Without motion the way to the picture costs little; the picture itself is of the sea in motion.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.goto(`http://127.0.0.1:${port}/`)
  for (let beat = 0; beat <= Math.max(...Object.keys(pictures).map(Number)); beat += 1) {
    await page.locator('.isle').first().waitFor()
    await page.evaluate(sailToPause)
    const picture = pictures[beat]
    if (picture !== undefined) {
      // Clouds roll in and colours run for a moment.
      await page.emulateMedia({ reducedMotion: 'no-preference' })
      await page.waitForTimeout(3_000)
      // A storm that is still lifting is not what the pause is about.
      await page.locator('.storm.lifting').waitFor({ state: 'detached' })
      await page.screenshot({ path: join(folder, `${picture}.png`) })
      console.log(`${picture}.png`)
      await page.emulateMedia({ reducedMotion: 'reduce' })
    }
    await page.keyboard.press('Enter')
    await page.locator('.telling.waiting').waitFor({ state: 'detached' })
  }
  await page.close()
}

/** Runs in the page: on by whole seconds, as Shift and Right do, until the beat has been shown. */
async function sailToPause() {
  for (let second = 0; second < 200 && document.querySelector('.telling.waiting') === null; second += 1) {
    dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', shiftKey: true }))
    await new Promise((rendered) => setTimeout(rendered, 5))
  }
}
