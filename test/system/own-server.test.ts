import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openClient, Shelf, until } from './clients.ts'
import { temporaryDirectory } from './server-process.ts'

const file = fileURLToPath(new URL('../../examples/own-server/server.mjs', import.meta.url))
const secret = 'a secret of at least eight'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(async () => await directory.remove())

describe('examples/own-server', () => {
  it('lets in whoever has a token, as far as it says', async () => {
    const env = { ...process.env, SECRET: secret, PORT: '0', DATA_DIR: directory.path }
    const token = spawnSync(process.execPath, [file, 'token', 'ada'], { env, encoding: 'utf8' }).stdout.trim()
    const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface(child.stdout)
    const [line] = (await once(lines, 'line')) as [string]
    const syncUrl = line.replace('clients connect to ', '')

    const ada = openClient(syncUrl, { token })
    const raid = await ada.replica.open('raid-42', Shelf)
    await raid.change((draft) => draft.title.set('ada was here')).reached('server')
    const lobby = await ada.replica.open('lobby', Shelf)
    await lobby.change((draft) => draft.title.set('welcome')).reached('server')

    // Cut off by one character, signed by somebody else, or none at all: the lobby can be read, nothing more.
    for (const forged of [token.slice(0, -2), `${token.split('.')[0]}.${'A'.repeat(43)}`, undefined]) {
      const eve = openClient(syncUrl, forged === undefined ? {} : { token: forged })
      const seen = await eve.replica.open('lobby', Shelf)
      await until('the lobby is open', () => seen.snapshot.title === 'welcome')
      expect(() => seen.change((draft) => draft.title.set('mine'))).toThrow(
        expect.objectContaining({ code: 'forbidden' }),
      )
      const hidden = await eve.replica.open('raid-42', Shelf)
      await until('the raid is closed', () => hidden.permission === 'no')
      expect(hidden.snapshot.title).toBe('')
      await eve.close()
    }
    await ada.close()
    child.kill('SIGTERM')
    expect((await once(child, 'exit'))[0]).toBe(0)
  })
})
