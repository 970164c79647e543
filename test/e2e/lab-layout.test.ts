import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { openLab, sailUntil, sealOf, textOf, textsOf } from './lab-visit.ts'

/** What the lab shows at the sizes people have, while a storm runs and after it. Needs `npm run build`. */
const { visit } = openLab()

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true }
const sizes = [
  ['1440 by 900', { viewport: { width: 1440, height: 900 } }],
  ['1280 by 800', { viewport: { width: 1280, height: 800 } }],
  ['390 by 844', phone],
] as const

async function raise(page: Page, storm: string): Promise<void> {
  const presets = page.locator('.presets')
  if (!(await presets.isVisible())) await page.getByRole('button', { name: 'Storms' }).click()
  const shown = (await presets.isVisible()) ? presets : page.locator('.storm-sheet')
  await shown.getByRole('button', { name: storm }).click()
}

const seconds = async (page: Page, count: number): Promise<void> => sailUntil(page, { seconds: count })

/** Every two texts of the stage that lie on each other, everything readable that a cloud hides, and what leaves the page. */
async function collisions(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    interface Box {
      readonly name: string
      readonly rects: readonly DOMRect[]
    }
    const visible = (rect: DOMRect): boolean => rect.width > 0 && rect.height > 0
    /** Where its words are, not the box that they are set in. */
    const wordsOf = (element: Element): DOMRect[] => {
      const range = document.createRange()
      range.selectNodeContents(element)
      return [...range.getClientRects()].filter(visible)
    }
    const all = (selector: string, rectsOf: (element: Element) => readonly DOMRect[]): Box[] =>
      [...document.querySelectorAll(selector)].map((element) => ({
        name: `${selector} “${(element.textContent ?? '').trim().replace(/\s+/g, ' ')}”`,
        rects: rectsOf(element).filter(visible),
      }))
    const whole = (element: Element): DOMRect[] => [element.getBoundingClientRect()]
    const meet = (a: Box, b: Box): boolean =>
      a.rects.some((one) =>
        b.rects.some(
          (other) =>
            one.left < other.right - 0.5 &&
            other.left < one.right - 0.5 &&
            one.top < other.bottom - 0.5 &&
            other.top < one.bottom - 0.5,
        ),
      )

    const labels = all('.label', wordsOf)
    const stage = [
      ...labels,
      ...all('.camp', wordsOf),
      ...all('.conv p', wordsOf),
      ...all('.conv .when', whole),
      ...all('.tool', whole),
      ...all('.cap h1', wordsOf),
      ...all('.cap p', wordsOf),
      ...all('.cap .go > *', whole),
      ...all('.ghost-t', whole),
    ]
    const timeline = [...all('.tl-t.hi', whole), ...all('.knobh', whole)]
    const clouds = all('.puff .st-c, .st-side', whole)
    const flags = [...all('.isle .hoist', whole), ...all('.pennant', whole)]
    const found: string[] = []
    for (const group of [stage, timeline]) {
      group.forEach((a, at) => {
        for (const b of group.slice(at + 1)) if (meet(a, b)) found.push(`${a.name} and ${b.name}`)
      })
    }
    for (const box of [...labels, ...flags])
      if (clouds.some((cloud) => meet(box, cloud))) found.push(`a cloud over ${box.name}`)
    for (const box of stage) {
      if (box.rects.some((rect) => rect.left < 0 || rect.right > innerWidth)) found.push(`${box.name} leaves the page`)
    }
    const status = document.querySelector('.conv p')
    if (status !== null && status.scrollWidth > status.clientWidth) found.push('the status is cut off')
    return found
  })
}

describe('[D6] the lab at every size', () => {
  for (const [name, options] of sizes) {
    for (const storm of ['Halves', 'Majorities', 'Isolate one']) {
      it(`lays no text on another at ${name}: ${storm}`, async () => {
        const { page, troubles } = await visit('', options)
        await page.keyboard.press(' ')
        expect(await collisions(page)).toEqual([])
        await raise(page, storm)
        for (const at of [0, 4, 7, 4, 6]) {
          await seconds(page, at)
          expect(await collisions(page)).toEqual([])
        }
        // With two states, a lease that is held, and the trace of the storm.
        await page.keyboard.press('1')
        await page.getByRole('button', { name: 'Raise the star' }).click()
        await page.getByRole('button', { name: 'Start the regatta' }).click()
        await seconds(page, 28)
        expect(await collisions(page)).toEqual([])
        await page.keyboard.press('l')
        await seconds(page, 2)
        expect(await collisions(page)).toEqual([])
        await seconds(page, 25)
        expect(await collisions(page)).toEqual([])
        expect(troubles).toEqual([])
      }, 120_000)
    }
  }

  for (const width of [390, 360, 320]) {
    it(`scrolls to no side at ${width} px, and keeps the bar whole`, async () => {
      const { page } = await visit('', { ...phone, viewport: { width, height: 844 } })
      const outside = await page.evaluate(() => ({
        width: document.documentElement.scrollWidth - innerWidth,
        buttons: [...document.querySelectorAll('.bar button, .cap button')]
          .filter((button) => {
            const { left, right } = button.getBoundingClientRect()
            return left < 0 || right > innerWidth
          })
          .map((button) => button.textContent || button.getAttribute('aria-label')),
        gap:
          (document.querySelector('.mode button')?.getBoundingClientRect().left ?? 0) -
          (document.querySelector('.brand')?.getBoundingClientRect().right ?? 0),
      }))
      expect(outside).toEqual({ width: 0, buttons: [], gap: expect.any(Number) })
      expect(outside.gap).toBeGreaterThanOrEqual(6)
    })
  }

  it('names the storms beside or below their glyphs, and says what each cuts', async () => {
    for (const [, options] of sizes.slice(0, 2)) {
      const { page } = await visit('', options)
      const names = page.locator('.presets button span')
      const widths = await names.evaluateAll((spans) => spans.map((span) => span.getBoundingClientRect().width))
      expect(widths.length).toBe(6)
      expect(Math.min(...widths)).toBeGreaterThan(20)
      expect(await page.getByRole('button', { name: 'Bridge' }).getAttribute('title')).toContain('Lantern alone')
    }
    const { page } = await visit('', phone)
    await page.getByRole('button', { name: 'Storms' }).click()
    expect(await textOf(page, '.storm-sheet')).toContain('two sides that Lantern alone still joins')
  }, 60_000)

  it('keeps a gap between the things in a chest and those beside it', async () => {
    const { page } = await visit()
    const gap = await page.evaluate(() => {
      const bottom = Math.max(
        ...[...document.querySelectorAll('.item')].map((chip) => chip.getBoundingClientRect().bottom),
      )
      const top = document.querySelector('[aria-label="Put in a treasure"] .chip')?.getBoundingClientRect().top ?? 0
      return top - bottom
    })
    expect(gap).toBeGreaterThanOrEqual(6)
  })
})

describe('[D7] the lab tells the truth of a storm', () => {
  it('says that lanes are cut before anybody has noticed, then who doubts, then the sides', async () => {
    const { page, troubles } = await visit()
    await page.keyboard.press(' ')
    await raise(page, 'Halves')
    await page.keyboard.press('3')
    expect(await page.locator('.lane.cut').count()).toBe(6)
    await seconds(page, 8)
    expect(await sealOf(page)).toBe('Same state, on two sides cut for 8 s, not noticed yet')
    expect(await page.locator('.seal.closed').count()).toBe(0)
    expect(await textOf(page, 'h2.verdict')).toBe('Cut, not noticed yet')
    expect(await textsOf(page, '.label .stance')).toEqual(Array(5).fill('not noticed yet'))

    await sailUntil(page, { selector: '.label .stance.doubted' })
    expect(await sealOf(page)).toMatch(/^Same state, on two sides (\w+ is suspected|\d islands in doubt), \d+ s left$/)
    await sailUntil(page, { selector: '.label .side-minority' })
    await seconds(page, 2)
    expect(await sealOf(page)).toMatch(/^Same state, on two sides 3 and 2 of 5, cut for \d+ s$/)
    expect(await textsOf(page, '.camp span')).toEqual(['majority, 3 of 5', 'minority, 2 of 5'])

    await page.keyboard.press('1')
    await page.getByRole('button', { name: 'Raise the star' }).click()
    await seconds(page, 14)
    expect(await sealOf(page)).toBe('Not converged 2 digests, on two sides')

    await page.keyboard.press('l')
    await sailUntil(page, { seal: 'Converged' })
    expect(troubles).toEqual([])
  }, 120_000)

  it('steps out of the way of whoever raises a storm of their own, and can be skipped on a phone', async () => {
    const { page } = await visit('', phone)
    expect(await textOf(page, '.cap h1')).toBe('Five islands, one world')
    await raise(page, 'Bridge')
    expect(await page.locator('.cap .telling').count()).toBe(0)

    const other = await visit('', phone)
    await other.page.getByRole('button', { name: 'Skip' }).click()
    expect(await other.page.locator('.cap .telling').count()).toBe(0)
  })

  it('says what an island that asks waits for, and brings the refusal into view', async () => {
    const { page } = await visit('', phone)
    await page.keyboard.press(' ')
    await raise(page, 'Halves')
    await page.keyboard.press('3')
    await seconds(page, 18)
    expect(await textOf(page, '.waits')).toBe('It needs 3 of 5 islands, and Cinder reaches 2.')
    await page.getByRole('button', { name: 'Start the regatta' }).click()
    await seconds(page, 4)
    expect(await textOf(page, '.waits')).toBe(
      'Asked 4 s ago. It starts when 3 of 5 islands agree, and is refused when too few answer.',
    )
    // Still a button with the focus on it, which says why it does nothing.
    const asking = page.getByRole('button', { name: 'Cinder asks the others' })
    expect(await asking.getAttribute('aria-disabled')).toBe('true')
    expect(await asking.getAttribute('aria-describedby')).toBe('regatta-waits')
    await page.locator('#panel-body').evaluate((body) => body.scrollTo(0, 0))
    await sailUntil(page, { selector: '.refusal' })
    expect(await textOf(page, '.refusal')).toContain('It needs 3 of 5 islands, and Cinder reaches 2.')
    const inView = await page.evaluate(() => {
      const body = document.querySelector('#panel-body')?.getBoundingClientRect()
      const card = document.querySelector('.refusal')?.getBoundingClientRect()
      return body !== undefined && card !== undefined && card.top >= body.top - 1 && card.bottom <= body.bottom + 1
    })
    expect(inView).toBe(true)
  }, 120_000)
})
