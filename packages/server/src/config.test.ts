import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configFromEnvironment, defaultConfig, mergeConfig, parseConfig, readConfigFile } from './config.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rejoin-config-'))
})
afterAll(async () => await rm(directory, { recursive: true }))

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  return path
}

describe('configuration', () => {
  it('[SV12] is complete without any', () => {
    expect(mergeConfig()).toEqual(defaultConfig)
    expect(defaultConfig.host).toBe('127.0.0.1')
    expect(defaultConfig.port).toBe(4000)
  })

  it('[SV12] lets flags win over the environment, and that over the file, limit by limit', () => {
    const merged = mergeConfig(
      parseConfig({ port: 1, host: 'a', data: 'x', limits: { connections: 5, tokenBytes: 9 } }, 'file'),
      configFromEnvironment({ PORT: '2', HOST: '', DATA_DIR: 'y' }),
      parseConfig({ port: 3, host: undefined, limits: { connections: 6 } }, 'flags'),
    )
    expect(merged).toMatchObject({ port: 3, host: 'a', data: 'y', limits: { connections: 6, tokenBytes: 9 } })
    expect(merged.limits.messageBytes).toBe(defaultConfig.limits.messageBytes)
  })

  it('[SV12] resolves the paths of a file beside the file', async () => {
    const path = await file('ok.json', JSON.stringify({ data: 'd', authorize: './a.mjs', static: '/srv/app' }))
    expect(await readConfigFile(path)).toEqual({
      data: join(directory, 'd'),
      authorize: join(directory, 'a.mjs'),
      static: '/srv/app',
    })
  })

  const wrong: [string, unknown, RegExp][] = [
    [
      'an unknown key, naming the near one',
      { prot: 1 },
      /unknown key "prot", did you mean "port"\? \(known: port, host/,
    ],
    ['an unknown limit', { limits: { conections: 1 } }, /limits: unknown key "conections", did you mean "connections"/],
    ['a port that is none', { port: 70_000 }, /port: must be 0 \(any free port\) to 65535/],
    ['a port as text', { port: 'http' }, /port: must be a whole number/],
    ['a limit of zero', { limits: { messageBytes: 0 } }, /limits\.messageBytes: must be at least 1/],
    ['an origin with a path', { origins: ['https://x/app'] }, /origins\.0: must be scheme, host and port/],
    ['a log level that is none', { logLevel: 'loud' }, /logLevel: .*"trace"/],
    ['something that is no object', [1], /the whole: /],
  ]
  it.each(wrong)('[SV12] refuses %s', (_name, value, message) => {
    expect(() => parseConfig(value, 'rejoin.json')).toThrow(expect.objectContaining({ code: 'config-invalid' }))
    expect(() => parseConfig(value, 'rejoin.json')).toThrow(message)
    expect(() => parseConfig(value, 'rejoin.json')).toThrow(/rejoin\.json: /)
  })

  it('[SV12] says what is wrong with a file or a variable', async () => {
    await expect(readConfigFile(join(directory, 'none.json'))).rejects.toThrow(/there is no such file/)
    await expect(readConfigFile(directory)).rejects.toThrow(/cannot be read \(EISDIR\)/)
    await expect(readConfigFile(await file('bad.json', '{ port: 1 }'))).rejects.toThrow(/bad\.json: not JSON/)
    expect(() => configFromEnvironment({ PORT: 'http' })).toThrow(/environment \(PORT, HOST, DATA_DIR\): port/)
  })
})
