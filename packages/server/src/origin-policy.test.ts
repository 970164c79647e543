import { describe, expect, it } from 'vitest'
import { isLoopbackAddress, isLoopbackHost, normalizedOrigin, originPolicy } from './origin-policy.ts'

const own = { origin: 'http://127.0.0.1:4000', host: '127.0.0.1:4000' }

describe('originPolicy', () => {
  it('[SV4] lets the own page and programs without an Origin through', () => {
    const refusal = originPolicy([], true)
    expect(refusal(own)).toBeUndefined()
    expect(refusal({ origin: undefined, host: 'anything' })).toBeUndefined()
    expect(refusal({ origin: 'http://LOCALHOST:4000', host: 'localhost:4000' })).toBeUndefined()
  })

  it('[SV4] refuses every other page and says how to allow it', () => {
    const refusal = originPolicy([], false)
    for (const origin of ['https://evil.example', 'http://127.0.0.1:4001', 'null', 'file://', '', 'data:text/html,x']) {
      expect(refusal({ origin, host: '127.0.0.1:4000' })).toMatchObject({ code: 'origin-refused' })
    }
    expect(refusal({ ...own, origin: 'https://evil.example' })?.reason).toContain('--origin')
    expect(refusal({ origin: own.origin, host: undefined })).toMatchObject({ code: 'origin-refused' })
  })

  it('[SV4] refuses a rebound name on loopback although Origin and Host agree', () => {
    const rebound = { origin: 'http://evil.example:4000', host: 'evil.example:4000' }
    expect(originPolicy([], true)(rebound)).toMatchObject({ code: 'host-refused' })
    expect(originPolicy([], false)(rebound)).toBeUndefined()
    expect(originPolicy(['http://evil.example:4000'], true)(rebound)).toBeUndefined()
  })

  it('[SV4] compares host and port as a proxy that ends TLS leaves them', () => {
    const refusal = originPolicy([], false)
    expect(refusal({ origin: 'https://app.example.com', host: 'app.example.com' })).toBeUndefined()
    expect(refusal({ origin: 'https://app.example.com', host: 'app.example.com:443' })).toBeUndefined()
    expect(refusal({ origin: 'https://app.example.com', host: 'app.example.com:8443' })).toBeDefined()
  })

  it('[SV4] allows what the list names, and everything for a star', () => {
    expect(
      originPolicy(['https://app.example.com'], true)({ origin: 'https://app.example.com', host: 'x' }),
    ).toBeUndefined()
    expect(originPolicy(['*'], true)({ origin: 'https://evil.example', host: 'x' })).toBeUndefined()
  })
})

describe('names and addresses', () => {
  it('knows which hosts only this machine reaches', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', 'x.localhost', '::1', '[::1]']) {
      expect(isLoopbackHost(host), host).toBe(true)
    }
    for (const host of [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      'example.com',
      '127.0.0.1.example.com',
      'localhost.example.com',
      '',
    ]) {
      expect(isLoopbackHost(host), host).toBe(false)
    }
    expect(isLoopbackAddress('::ffff:127.0.0.1')).toBe(true)
    expect(isLoopbackAddress('::ffff:10.0.0.1')).toBe(false)
    expect(isLoopbackAddress(undefined)).toBe(false)
  })

  it('normalizes origins and refuses what is none', () => {
    expect(normalizedOrigin('HTTPS://App.Example.com:443/')).toBe('https://app.example.com')
    expect(normalizedOrigin('*')).toBe('*')
    for (const text of ['example.com', 'ftp://x', 'https://x/path', 'https://user@x', 'https://x?q', '']) {
      expect(normalizedOrigin(text), text).toBeUndefined()
    }
  })
})
