import type { Authorize } from '@rejoin/sync'
import { describe, expect, it } from 'vitest'
import { createAuthorizer } from './authorizer.ts'

function authorizer(hook: Authorize | undefined) {
  const answers: string[] = []
  const trouble: string[] = []
  const authorize = createAuthorizer(hook, {
    timeoutMs: 20,
    tokenBytes: 16,
    onAnswer: (answer) => answers.push(answer),
    onTrouble: (_document, problem) => trouble.push(problem),
  })
  const asking = (token?: string) =>
    authorize({ token, document: 'raid', remote: '::1', origin: undefined, replica: 'r1' })
  return { asking, answers, trouble }
}

describe('createAuthorizer', () => {
  it('[SV2] passes on what the hook grants', async () => {
    for (const permission of ['read', 'write', 'admin'] as const) {
      const { asking, answers } = authorizer(async () => permission)
      expect(await asking('t')).toBe(permission)
      expect(answers).toEqual([permission])
    }
    expect(await authorizer(() => 'read').asking()).toBe('read')
    expect(await authorizer(undefined).asking()).toBe('write')
  })

  it('[SV2] gives the hook the token, the document and where the client is', async () => {
    const seen: unknown[] = []
    const { asking } = authorizer((request) => {
      seen.push(request)
      return 'no'
    })
    expect(await asking('t')).toBe('no')
    expect(seen).toEqual([{ token: 't', document: 'raid', remote: '::1', origin: undefined, replica: 'r1' }])
  })

  it('[SV2] grants nothing after a throw, a rejection or nonsense, and keeps the token out of the trouble', async () => {
    const hooks: Authorize[] = [
      () => {
        throw new Error('bad token geheim in line 1')
      },
      async () => await Promise.reject(new Error('geheim')),
      (async () => 'yes') as unknown as Authorize,
      (() => undefined) as unknown as Authorize,
    ]
    for (const hook of hooks) {
      const { asking, answers, trouble } = authorizer(hook)
      await expect(asking('geheim')).rejects.toMatchObject({ code: 'authorize-failed' })
      expect(answers).toEqual(['authorize-failed'])
      expect(trouble).toHaveLength(1)
      expect(trouble[0]).not.toContain('geheim')
    }
  })

  it('[SV2] does not wait for ever', async () => {
    const { asking, trouble } = authorizer(() => new Promise(() => undefined))
    await expect(asking()).rejects.toMatchObject({ code: 'authorize-timeout' })
    expect(trouble).toEqual(['no answer within 20 ms'])
  })

  it('[SV5] does not bother the hook with an endless token', async () => {
    let asked = 0
    const { asking } = authorizer(() => {
      asked += 1
      return 'write'
    })
    await expect(asking('x'.repeat(17))).rejects.toMatchObject({ code: 'token-too-long' })
    expect(asked).toBe(0)
  })
})
