import { memoryStorage } from '@rejoin/sync'
import { describe, expect, it } from 'vitest'
import { createServer } from './create-server.ts'

describe('a server that is closed early', () => {
  it.each([0, 1, 5, 20])('[SV58] closed while it starts it does not go on to, %i steps after', async (steps) => {
    const server = createServer({ storage: memoryStorage(), host: '127.0.0.1', port: 0, adminPort: 0 })
    let began = ''
    const listening = server.listen().then(
      ({ url }) => {
        began = url
        return 'it listens'
      },
      ({ code }: { readonly code: string }) => code,
    )
    for (let step = 0; step < steps; step++) await null
    await server.close()
    expect([await listening, began, server.ready]).toEqual(['closed', '', false])
  })

  it('[SV58] closed while it waits for the data it waits no longer', async () => {
    const never = memoryStorage()
    const storage = Object.assign(Object.create(never), { withLock: async () => false })
    const server = createServer({ storage, port: 0 })
    const listening = server.listen().then(
      () => 'it listens',
      ({ code }: { readonly code: string }) => code,
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    const began = performance.now()
    await server.close()
    expect(await listening).toBe('data-in-use')
    expect(performance.now() - began).toBeLessThan(5000)
  })
})
