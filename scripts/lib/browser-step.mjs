import { browserIsRequired, findChromium } from './find-chromium.mjs'

/**
 * The step that runs browser tests, or one line that says why they are left out.
 * @param {string} name
 * @param {readonly string[]} files vitest filters; all browser tests when empty
 * @returns {import('./steps.mjs').Step | string}
 */
export function browserStep(name, files) {
  if (findChromium() !== undefined || browserIsRequired()) return { name, projects: ['e2e'], run: files }
  return 'browser tests left out: no Chromium or Chrome found (install one, or set CHROME_PATH)'
}
