// The browser of the browser tests and of the demo's pictures: an installed Chromium or Chrome. Nothing is downloaded.
import { findProgram, isRequired } from './find-program.mjs'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
const places = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
]

/**
 * The path of the browser to use: `CHROME_PATH` when set, else the first Chromium or Chrome found; `undefined` when
 * there is none. A `CHROME_PATH` that cannot be run is a mistake, not an absence.
 * @param {Record<string, string | undefined>} [env]
 * @returns {string | undefined}
 * @throws when `CHROME_PATH` names something that cannot be run
 */
export function findChromium(env = process.env) {
  return findProgram({ env, variable: 'CHROME_PATH', names, places })
}

/** Arguments that keep the browser quiet and offline, and let it start in a container. */
export const chromiumArguments = Object.freeze([
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
])

/**
 * Whether a missing browser is a failure here: in CI, or when asked for by `REJOIN_REQUIRE_BROWSER=1`.
 * @param {Record<string, string | undefined>} [env]
 */
export function browserIsRequired(env = process.env) {
  return isRequired(env, 'REJOIN_REQUIRE_BROWSER')
}
