import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { root } from './steps.mjs'

/** Runs steps in a process of their own, as the scripts do; returns its last line and its status. */
function outcome(steps: readonly object[]): { last: string | undefined; status: number | null; output: string } {
  const code = `import { runSteps } from './scripts/lib/steps.mjs'; runSteps(${JSON.stringify(steps)})`
  const { REJOIN_TALLY: _, ...env } = process.env
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root, env, encoding: 'utf8' })
  const output = result.stdout + result.stderr
  return { last: result.stdout.trimEnd().split('\n').at(-1), status: result.status, output }
}

const node = (code: string, name = 'step'): { name: string; run: string[] } => ({ name, run: ['node', '-e', code] })

test('the last line counts steps, and all good is status 0', () => {
  expect(outcome([node('0'), node('0')])).toMatchObject({ last: '2 passed, 0 failed', status: 0 })
})

test('a failing step is counted, the others still run', () => {
  expect(outcome([node('0'), node('process.exit(3)'), node('0')])).toMatchObject({
    last: '2 passed, 1 failed',
    status: 1,
  })
})

test('what follows a needed step is not run when that fails', () => {
  const result = outcome([{ ...node('process.exit(1)'), needed: true }, node('console.log("ran")')])
  expect(result).toMatchObject({ last: '0 passed, 1 failed', status: 1 })
  expect(result.output).not.toContain('ran')
})

test('nested runs are counted once, by the outermost', () => {
  const inner = `import('${root}/scripts/lib/steps.mjs').then((m) => m.runSteps(${JSON.stringify([node('0', 'a'), node('0', 'b')])}))`
  expect(outcome([{ ...node(inner), nested: true }, node('0')]).last).toBe('3 passed, 0 failed')
})

test('a command that cannot be started is a failure', () => {
  expect(outcome([{ name: 'x', run: ['no-such-command-anywhere'] }])).toMatchObject({
    last: '0 passed, 1 failed',
    status: 1,
  })
})

test('a project without tests is a failure', () => {
  const result = outcome([{ name: 'x', projects: ['unit'], run: ['packages/none-such'] }])
  expect(result).toMatchObject({ last: '0 passed, 1 failed', status: 1 })
})
