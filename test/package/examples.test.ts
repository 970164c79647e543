import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createServer } from '@rejoin/server'
import { createMemoryDisk } from '@rejoin/sync'
import { expect, test } from 'vitest'
import { root } from '../docs/pages.ts'
import { launchChromium } from '../support/chromium.ts'
import { runCommand, tool } from '../support/run-command.ts'
import { serveFolder } from '../support/serve-folder.ts'

const examples = join(root, 'examples')

test('every example has a README with a title', () => {
  const folders = readdirSync(examples)
  expect(folders.length).toBeGreaterThanOrEqual(3)
  for (const name of folders) expect(readFileSync(join(examples, name, 'README.md'), 'utf8')).toMatch(/^# \S/)
})

test('two replicas in Node: apart, healed, the loser written back', () => {
  const lines = runCommand(process.execPath, ['two-replicas.mjs'], join(examples, 'two-replicas')).split('\n')
  const line = (start: string): string | undefined => lines.find((text) => text.startsWith(start))
  const state = (text: string | undefined): unknown => JSON.parse(text?.slice(text.indexOf('{')) ?? '')
  expect(line('same state:')).toBe('same state: true')
  expect(state(line('ada  '))).toEqual(state(line('bob  ')))
  expect(state(line('ada  '))).toMatchObject({ players: { ada: { hp: 65, items: ['lantern', 'rope'] } } })
  expect(line('  phase:')).toContain('fight here, flee there, was "plan"')
  expect(state(line('written back'))).not.toEqual(state(line('bob  ')))
})

test('a page built with Vite: edits made while the server is away arrive when it is back', async () => {
  const folder = join(examples, 'browser-vite')
  runCommand(tool('tsc'), ['-p', folder], folder)
  runCommand(tool('vite'), ['build', '--logLevel', 'error'], folder)
  const site = await serveFolder(join(folder, 'dist'))
  const disk = createMemoryDisk()
  const start = async (port: number): Promise<ReturnType<typeof createServer>> => {
    const server = createServer({ storage: disk.open(), port, origins: [new URL(site.url).origin] })
    await server.listen()
    return server
  }
  let server = await start(0)
  const browser = await launchChromium()
  try {
    const port = Number(new URL(server.url ?? '').port)
    const address = `${site.url}?server=${encodeURIComponent(`ws://127.0.0.1:${port}/sync`)}`
    // Two contexts are two profiles: nothing but the server joins them.
    const [ada, bob] = [await (await browser.newContext()).newPage(), await (await browser.newContext()).newPage()]
    const status = (page: typeof ada) => (): Promise<string | null> => page.textContent('[role=status]')
    const items = (page: typeof ada) => (): Promise<string[]> => page.locator('li span').allTextContents()
    const add = async (page: typeof ada, what: string): Promise<void> => {
      await page.fill('input', what)
      await page.keyboard.press('Enter')
    }
    for (const page of [ada, bob]) {
      await page.goto(address)
      await expect.poll(status(page), { timeout: 15_000 }).toBe('synced')
    }
    await add(ada, 'bread')
    await expect.poll(items(bob), { timeout: 15_000 }).toEqual(['bread'])

    await server.close()
    await expect.poll(status(ada), { timeout: 15_000 }).not.toBe('synced')
    await add(ada, 'salt')
    await add(bob, 'tea')
    await expect.poll(status(ada)).toContain('1 not on the server yet')
    await ada.reload()
    await expect.poll(items(ada)).toEqual(['bread', 'salt'])

    server = await start(port)
    for (const page of [ada, bob]) {
      await expect.poll(items(page), { timeout: 60_000 }).toEqual(['bread', 'salt', 'tea'])
      await expect.poll(status(page), { timeout: 15_000 }).toBe('synced')
    }
  } finally {
    await browser.close()
    await server.close()
    site.close()
    rmSync(join(folder, 'dist'), { recursive: true, force: true })
  }
})
