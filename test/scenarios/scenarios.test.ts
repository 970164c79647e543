import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { play } from './play.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
const files = readdirSync(folder).filter((file) => file.endsWith('.txt'))
const titleOf = (text: string): string => (text.split('\n')[0] ?? '').replace(/^# */, '')

describe('scenarios', () => {
  it.each(
    files.map((file) => {
      const text = readFileSync(folder + file, 'utf8')
      return [file, titleOf(text), text] as const
    }),
  )('%s: %s', async (file, _title, text) => {
    // `npx vitest run --project laws test/scenarios -u` writes down what comes out: read the diff before you keep it.
    await expect(play(text)).toMatchFileSnapshot(folder + file)
  })

  it.each([
    ['clients ada\nada gold add 5', 'line 2: there is no command "ada", see README.md'],
    ['clients ada\n\nada: silver add 5', 'line 3: the guild has no field silver'],
    ['clients ada\nada: gold set 5', 'line 2: gold can add, reset, not set'],
    ['clients ada\nada: gold add', 'line 2: gold add takes 1 words, not 0'],
    [
      'clients ada\nada: members.eve delete',
      'line 2: members.eve is an entry; write to a field in it, or add or delete it',
    ],
    ['clients ada\n    ada healed\nwait soon', 'line 3: "soon" is no time such as 500ms, 5s, 10m, 1h, 2d'],
    ['clients ada\nada: gold add 5\nbob: gold add 1', 'line 3: nobody is called bob'],
    ['clients ada\nbackup ada\nrestore ada', 'line 3: close ada first'],
    ['clients ada\nclose ada\nada: gold add 1', 'line 3: ada is not open'],
    ['clients ada\ncalm please', 'line 2: calm stands alone'],
  ])('say in which line they are wrong: %j', (script, complaint) => {
    expect(() => play(script)).toThrow(complaint)
  })
})
