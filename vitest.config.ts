import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))

// Tests read the sources of the packages, so that they need no build and a stack trace shows the file one edits.
const alias = readdirSync(`${root}packages`).flatMap((name) => {
  const published = name === 'rejoin' ? 'rejoin' : `@rejoin/${name}`
  // The umbrella resolves by platform; tests run in Node.
  const entry = name === 'rejoin' ? 'node' : 'index'
  return [
    { find: new RegExp(`^${published}$`), replacement: `${root}packages/${name}/src/${entry}.ts` },
    { find: new RegExp(`^${published}/(?!package\\.json$)(.+)$`), replacement: `${root}packages/${name}/src/$1.ts` },
  ]
})

interface Options {
  readonly testTimeout?: number
  /** False where no test mocks a module: the sources are then loaded once for each worker, not for each file. */
  readonly isolate?: boolean
  readonly env?: Record<string, string>
}

const project = (name: string, include: string[], { testTimeout = 20_000, ...options }: Options = {}) => ({
  root,
  resolve: { alias },
  test: {
    name,
    include,
    exclude: ['**/node_modules/**', '**/dist/**'],
    environment: 'node' as const,
    testTimeout,
    hookTimeout: Math.max(testTimeout, 30_000),
    ...options,
  },
})

const unit = ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.{ts,tsx}', 'scripts/**/*.test.ts']
/** What is played by `npm test` at a size that takes less time. */
const sized = [
  'test/simulation/{clones,copies,epoch-model,late-return,worlds}.test.ts',
  'packages/state/src/verify.test.ts',
  'packages/sync/src/join/join-lies.test.ts',
  'packages/sync/src/partition/lease/store/store-lease-worlds.test.ts',
]

export default defineConfig({
  test: {
    // A filter that matches nothing, or a project that lost its files, must not read as success.
    passWithNoTests: false,
    // By default one core is left idle.
    maxWorkers: '100%',
    projects: [
      project('unit', unit, { isolate: false }),
      project('laws', ['test/{laws,scenarios,contracts}/**/*.test.ts'], { testTimeout: 60_000, isolate: false }),
      project('simulation', ['test/simulation/**/!(voter-mutants).test.ts'], { testTimeout: 120_000, isolate: false }),
      project('mutants', ['test/simulation/voter-mutants.test.ts'], { testTimeout: 120_000 }),
      project('full', sized, { testTimeout: 400_000, env: { FULL_SIZES: '1' } }),
      project('docs', ['test/docs/**/*.test.ts'], { testTimeout: 120_000 }),
      project('e2e', ['test/e2e/**/*.test.ts'], { testTimeout: 120_000 }),
      project('system', ['test/{system,package}/**/*.test.ts'], { testTimeout: 600_000 }),
    ],
  },
})
