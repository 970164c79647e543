import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { decodeScenario, playScenario } from '@rejoin/sim'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { digestsOf, openLab, sailUntil, sealOf, textOf, textsOf } from './lab-visit.ts'

/** The lab as a visitor gets it: the built page, in a browser. Needs `npm run build`. */
const { visit } = openLab()
const patient = { timeout: 90_000, interval: 250 }

describe('[D5] the lab', () => {
  it('is led through the first minute by keyboard alone, and ends converged with a report', async () => {
    const { page, troubles } = await visit()
    for (const headline of [
      'Five islands, one world',
      'A change sails',
      'A storm cuts the sea',
      'Two worlds drift apart',
      'One world again',
    ]) {
      await expect.poll(() => textOf(page, '.cap h1'), patient).toBe(headline)
      await sailUntil(page, { selector: '.telling.waiting' })
      await page.keyboard.press('Enter')
    }
    await expect.poll(() => textOf(page, '.cap h1'), patient).toBe('Now you')
    expect(await sealOf(page)).toContain('Converged')
    expect(new Set(await digestsOf(page)).size).toBe(1)
    await page.keyboard.press('r')
    await expect.poll(() => textOf(page, '#panel-body'), patient).toContain('Two conflicts')
    expect(await textOf(page, '#panel-body')).toContain('concurrent')
    expect(troubles).toEqual([])
  }, 240_000)

  it('gives the same digests from a link as a headless replay', async () => {
    const { page, troubles } = await visit()
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Skip' }).click()
    await page.keyboard.press(' ')
    await page.getByRole('button', { name: 'Halves' }).click()
    await page.getByRole('button', { name: 'Raise the moon' }).click()
    await page.keyboard.press('3')
    await page.getByRole('button', { name: 'Take out the bell' }).click()
    await page.getByRole('button', { name: '+5 to the tally' }).click()
    await sailUntil(page, { seconds: 9 })
    await page.keyboard.press('c')
    const link = new URL(page.url()).hash
    const here = await digestsOf(page)
    expect(new Set(here).size).toBeGreaterThan(1)

    const opened = await visit(link)
    const decoded = decodeScenario(link.slice('#run='.length))
    if (!decoded.ok) throw new Error(decoded.error.message)
    const headless = playScenario(decoded.value)
    expect(headless.violations).toEqual([])
    expect(headless.converged).toBe(true)
    await expect.poll(() => textOf(opened.page, '.cap h1'), patient).toBe('A recorded run')
    expect(await digestsOf(opened.page)).toEqual(here)
    // And sailed on without its storm it comes to where the headless run came to.
    await opened.page.keyboard.press('l')
    await sailUntil(opened.page, { seal: 'Converged' })
    const [agreed] = await digestsOf(opened.page)
    expect(headless.nodes.map(({ digest }) => digest.slice(0, 4))).toEqual(Array(5).fill(agreed))
    expect([...troubles, ...opened.troubles]).toEqual([])
  }, 240_000)

  for (const preset of ['Isolate one', 'Halves', 'One-way', 'Flicker', 'Bridge', 'Majorities']) {
    it(`heals after ${preset}`, async () => {
      const { page, troubles } = await visit()
      await page.getByRole('button', { name: 'Skip' }).click()
      await page.keyboard.press(' ')
      await page.getByRole('button', { name: preset }).click()
      await page.keyboard.press('1')
      await page.getByRole('button', { name: 'Raise the star' }).click()
      await page.keyboard.press('2')
      await page.getByRole('button', { name: 'Raise the whale' }).click()
      expect(await sealOf(page)).toContain('Not converged')
      await sailUntil(page, { seconds: 14 })
      await page.keyboard.press('l')
      await sailUntil(page, { seal: 'Converged' })
      expect(new Set(await digestsOf(page)).size).toBe(1)
      expect(troubles).toEqual([])
    }, 180_000)
  }

  it('gives two verdicts in a storm, refuses a regatta on the minority side with why, and lets the majority start one', async () => {
    const { page, troubles } = await visit()
    await page.getByRole('button', { name: 'Skip' }).click()
    await page.keyboard.press(' ')
    expect(await textsOf(page, '.label .stance')).toEqual(Array(5).fill('whole'))
    await page.getByRole('button', { name: 'Halves' }).click()
    await page.keyboard.press('3')
    await sailUntil(page, { selector: '.peers .doubted' })
    expect(await textOf(page, '.peers')).toMatch(/doubted, \d+ s left to answer/)
    expect(await page.locator('.label .m-doubt').count()).toBeGreaterThan(0)
    await sailUntil(page, { seconds: 16 })
    const [west, east] = ['majority, 3 of 5', 'minority, 2 of 5']
    expect(await textsOf(page, '.label .stance')).toEqual([west, east, east, west, west])
    expect(await textOf(page, 'h2.verdict')).toBe('Minority, 2 of 5')
    expect(await textOf(page, '.plainly')).toContain('On this side are Needle and Cinder: 2 of 5, a minority.')

    await page.getByRole('button', { name: 'Start the regatta' }).click()
    await sailUntil(page, { selector: '.refusal' })
    expect(await textOf(page, '.refusal')).toBe(
      'Refused: start the regattaIt needs 3 of 5 islands, and Cinder reaches 2. Lantern, Halo and Quern did not answer.',
    )
    expect(await page.locator('.tl-refused').count()).toBe(1)

    await page.keyboard.press('5')
    await page.getByRole('button', { name: 'Start the regatta' }).click()
    await sailUntil(page, { selector: '.label .leasemark.held' })
    expect(await textOf(page, '.regatta')).toContain('1 regatta so far. Quern holds the lease, token 1')
    expect(await page.locator('.isle-quern').getAttribute('aria-label')).toContain('holds the lease, token 1')

    await page.keyboard.press('l')
    await sailUntil(page, { seconds: 70 })
    expect(await textsOf(page, '.label .stance')).toEqual(Array(5).fill('whole'))
    await page.getByRole('tab', { name: 'Incidents' }).click()
    const incidents = await textOf(page, '.incident')
    expect(incidents).toContain('The sea is split')
    expect(incidents).toMatch(/0:\d\d to \d:\d\d, healed/)
    expect(incidents).toContain('Each side has what the other had.')
    expect(troubles).toEqual([])
  }, 240_000)

  it('draws a storm across the water and forks the past', async () => {
    const { page, troubles } = await visit()
    await page.getByRole('button', { name: 'Skip' }).click()
    const box = await page.locator('.sea-box').boundingBox()
    if (box === null) throw new Error('no sea')
    await page.mouse.move(box.x + box.width * 0.34, box.y + box.height * 0.36)
    await page.mouse.down()
    for (let step = 1; step <= 12; step += 1) {
      await page.mouse.move(box.x + box.width * (0.34 + step * 0.015), box.y + box.height * (0.36 + step * 0.05))
    }
    await page.mouse.up()
    await page.getByRole('button', { name: 'Lift it' }).waitFor()
    await page.getByRole('tab', { name: 'Incidents' }).click()
    expect(await textOf(page, '#panel-body')).toMatch(/A storm cuts \d lanes?: drawn/)
    await page.getByRole('slider', { name: 'Timeline' }).focus()
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('Shift+ArrowLeft')
    await page.getByRole('button', { name: 'Fork here' }).click()
    await page.getByRole('button', { name: /^Fork A/ }).waitFor()
    expect(troubles).toEqual([])
  }, 120_000)

  it.each([
    ['another world', '#run=AQAFoQPpxgQ', /cannot be read/],
    ['markup', '#run=<script>alert(1)</script>', /cannot be read/],
    ['80 kB', `#run=${'A'.repeat(80_000)}`, /cannot be read/],
    ['something else', '#something-else', /cannot be read/],
  ])('answers a hostile link with a message and a calm sea: %s', async (_, hash, message) => {
    const { page, troubles } = await visit(hash)
    await expect.poll(() => textOf(page, '.notice'), patient).toMatch(message)
    expect(await textOf(page, '.cap h1')).toBe('Five islands, one world')
    expect(troubles).toEqual([])
  })
})

describe('[D1] everybody can use the lab', () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

  for (const [name, options] of [
    ['dark', { colorScheme: 'dark' }],
    ['light', { colorScheme: 'light' }],
    ['a drawer', { colorScheme: 'dark', viewport: { width: 1000, height: 800 } }],
    ['a phone', { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true }],
  ] as const) {
    it(`shows nothing serious to axe: ${name}`, async () => {
      const { page, troubles } = await visit('', options)
      // As a visitor finds it, then split, with the log and the report open.
      await expectNoSeriousFinding(page, axe)
      await page.keyboard.press('Enter')
      await page.keyboard.press('Enter')
      await page.keyboard.press('Enter')
      await page.keyboard.press('r')
      await expectNoSeriousFinding(page, axe)
      // With the verdicts, a refusal and the records of incidents.
      await sailUntil(page, { seconds: 40 })
      await page.keyboard.press('3')
      await expectNoSeriousFinding(page, axe)
      await page.getByRole('tab', { name: 'Incidents' }).click()
      await expectNoSeriousFinding(page, axe)
      if (name === 'dark') {
        await page.keyboard.press('?')
        await expectNoSeriousFinding(page, axe)
      }
      expect(troubles).toEqual([])
    }, 120_000)
  }

  it('gives thumbs 44 px on a phone', async () => {
    const { page } = await visit('', { viewport: { width: 390, height: 844 }, hasTouch: true })
    const small = await page.locator('button:visible').evaluateAll((buttons) =>
      buttons.flatMap((button) => {
        const { width, height } = button.getBoundingClientRect()
        return width === 0 || height >= 43.5
          ? []
          : [`${button.textContent || button.getAttribute('aria-label')}: ${width} by ${height}`]
      }),
    )
    expect(small).toEqual([])
  })
})

async function expectNoSeriousFinding(page: Page, axe: string): Promise<void> {
  await page.evaluate(axe)
  const findings = await page.evaluate(async () => {
    const { axe: runner } = window as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
        }>
      }
    }
    const { violations } = await runner.run()
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .slice(0, 3)
            .map(({ html, failureSummary }) => `${html.slice(0, 120)} ${failureSummary.slice(0, 200)}`)
            .join(' | ')}`,
      )
  })
  expect(findings).toEqual([])
}
