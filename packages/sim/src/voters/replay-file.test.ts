import { describe, expect, it } from 'vitest'
import { generateVoterScript } from './generate.ts'
import { readReplayFile, writeReplayFile } from './replay-file.ts'
import { faultScripts } from './script.ts'

describe('a replay file', () => {
  it('[VW5] spells every script, and is read to the same', () => {
    for (let seed = 0; seed < 4 * faultScripts.length; seed += 1) {
      const script = generateVoterScript(seed)
      expect(readReplayFile(writeReplayFile(script, 'what it showed'))).toEqual(script)
    }
  })

  it('[VW5] that spells no script is told apart, with why', () => {
    const text = writeReplayFile(generateVoterScript(3))
    const changed = (change: (file: Record<string, unknown>) => void): string => {
      const file = JSON.parse(text) as Record<string, unknown>
      change(file)
      const read = readReplayFile(JSON.stringify(file))
      return typeof read === 'string' ? read : 'a script'
    }
    expect(changed(() => undefined)).toBe('a script')
    expect(readReplayFile('{')).toBe('not JSON')
    expect(readReplayFile('[]')).toBe('the file is no object')
    expect(changed((file) => delete file['format'])).toContain('format')
    expect(changed((file) => Object.assign(file, { voters: 17 }))).toContain('voters')
    expect(changed((file) => Object.assign(file, { seed: 0.5 }))).toContain('whole')
    expect(changed((file) => Object.assign(file, { preset: 'moon' }))).toContain('lan')
    expect(changed((file) => Object.assign(file, { isReliable: 1 }))).toContain('true or false')
    expect(
      changed((file) => Object.assign(file, { faults: [{ kind: 'cut', atMs: 1, lanes: [{ from: 0, to: 99 }] }] })),
    ).toContain('0 to')
    expect(changed((file) => Object.assign(file, { faults: [{ kind: 'earthquake', atMs: 1 }] }))).toContain('kind')
    expect(changed((file) => Object.assign(file, { weather: { latencyMs: [5, 1] } }))).toContain('latencyMs')
  })
})
