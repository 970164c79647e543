import { describe, expect, it } from 'vitest'
import { runCommand, type SimSummary } from './command.ts'
import { generateScenario } from './generate.ts'
import { encodeScenario } from './scenario-codec.ts'

const file = ''

function run(command: string, ...args: string[]): { readonly status: number; readonly lines: string[] } {
  const lines: string[] = []
  const status = runCommand(command, args, { line: (text) => lines.push(text), elapsedMs: () => 0, read: () => file })
  return { status, lines }
}

describe('npm run sim', () => {
  it('[SM14] succeeds with seeds that worked, and counts what they did', () => {
    const { status, lines } = run('sim', '--seeds', '1..2', '--world', 'mesh', '--nodes', '3', '--json')
    const summary = JSON.parse(lines.at(-1) ?? '') as SimSummary
    expect([status, lines.length, summary.seeds, summary.converged, summary.violations]).toEqual([0, 1, 2, 2, 0])
    for (const what of ['merges', 'cuts', 'heals', 'writes', 'frames'] as const) {
      expect(summary[what], what).toBeGreaterThan(0)
    }
  })

  it('[SM14] fails when nothing was proved', () => {
    const none = run('sim', '--seeds', '2..1')
    expect(none.status).toBe(1)
    expect(none.lines.at(-1)).toContain('nothing was proved')
    expect(run('sim', '--seeds', '2..1', '--json').status).toBe(1)
  })

  it('[SM14] says what it takes and fails when it is asked for something else', () => {
    for (const args of [['--seeds', 'few'], ['--nodes', '1'], ['--world', 'moon'], ['--fast']]) {
      const { status, lines } = run('sim', ...args)
      expect(status, args.join(' ')).toBe(1)
      expect(lines[0]).toContain('usage:')
    }
    expect(run('swim').status).toBe(1)
  })
})

describe('npm run replay', () => {
  it('[SM6] plays a link as it plays the seed that the link came from', () => {
    const scenario = generateScenario(5, { nodes: 3, durationMs: 20_000, world: 'mesh' })
    const link = encodeScenario(scenario)
    const [first, second] = [link, `http://localhost/#${link}`].map((text) => run('replay', text))
    expect(first).toMatchObject({ status: 0 })
    expect(second).toEqual(first)
    expect(first?.lines.join('\n')).toContain('converged')
    expect(run('replay', '@').status).toBe(1)
    expect(run('replay').status).toBe(1)
  })
})
