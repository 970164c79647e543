import { type Browser, chromium } from 'playwright-core'
import { chromiumArguments, findChromium } from '../../scripts/lib/find-chromium.mjs'

/**
 * Starts an installed Chromium or Chrome (or `CHROME_PATH`). `npm test` leaves the browser tests out where there is
 * none, so a test that gets here without one was asked for by name, and fails.
 */
export async function launchChromium(options: { args?: readonly string[] } = {}): Promise<Browser> {
  return await chromium.launch({
    executablePath: requireChromium(),
    args: [...chromiumArguments, ...(options.args ?? [])],
  })
}

function requireChromium(): string {
  const path = findChromium()
  if (path === undefined) throw new Error('no Chromium or Chrome found: install one or set CHROME_PATH')
  return path
}
