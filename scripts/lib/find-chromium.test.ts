import { expect, test } from 'vitest'
import { browserIsRequired, findChromium } from './find-chromium.mjs'

test('CHROME_PATH wins, and must be something that can be run', () => {
  expect(findChromium({ CHROME_PATH: process.execPath, PATH: '' })).toBe(process.execPath)
  expect(() => findChromium({ CHROME_PATH: '/nowhere/chrome', PATH: '' })).toThrow('CHROME_PATH is set to /nowhere')
})

test('a missing browser is a failure only where one is required', () => {
  expect(browserIsRequired({})).toBe(false)
  expect(browserIsRequired({ CI: 'false' })).toBe(false)
  expect(browserIsRequired({ CI: 'true' })).toBe(true)
  expect(browserIsRequired({ REJOIN_REQUIRE_BROWSER: '1' })).toBe(true)
})
