import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root } from '../docs/pages.ts'
import { markdownSnippets } from '../docs/snippets.ts'
import { launchChromium } from '../support/chromium.ts'
import { runCommand, tool } from '../support/run-command.ts'
import { serveFolder } from '../support/serve-folder.ts'

// What a user gets: the tarballs that npm would publish, installed in an empty project, with nothing of this
// repository around them except the compiler and the bundler. The program is the first one of the README.

const program = markdownSnippets('README.md', readFileSync(join(root, 'README.md'), 'utf8')).snippets[0]?.code ?? ''
const folder = mkdtempSync(join(tmpdir(), 'rejoin-packed-'))
const run = (command: string, args: readonly string[], cwd: string = folder): string => runCommand(command, args, cwd)

beforeAll(() => {
  const tarballs = join(folder, 'tarballs')
  mkdirSync(tarballs)
  for (const name of readdirSync(join(root, 'packages'))) {
    run('npm', ['pack', '--silent', '--pack-destination', tarballs], join(root, 'packages', name))
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  const files = readdirSync(tarballs).map((file) => join(tarballs, file))
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...files])
  writeFileSync(join(folder, 'twenty.ts'), program)
  writeFileSync(join(folder, 'twenty.mjs'), ts.transpile(program, { module: ts.ModuleKind.ESNext, target: 99 }))
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('the packed packages, in an empty project', () => {
  test.each([
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ])('the first program of the README type-checks with %s resolution, libraries included', (resolution, module) => {
    // Nothing about libraries or types: what a package needs, it brings.
    const compilerOptions = { strict: true, noEmit: true, target: 'es2023', module, moduleResolution: resolution }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['twenty.ts'] }))
    expect(run(tool('tsc'), ['-p', folder])).toBe('')
  })

  test('it runs in Node and prints the same value twice', () => {
    expectAgreement(run(process.execPath, ['twenty.mjs']))
  })

  test('it runs in a page built by Vite', async () => {
    writeFileSync(
      join(folder, 'index.html'),
      '<!doctype html><title>x</title><script type="module" src="twenty.ts"></script>',
    )
    run(tool('vite'), ['build', '--logLevel', 'error'])
    expectAgreement(await printedByPage(join(folder, 'dist')))
  })

  test('a page carries the partition layer only where it imports it, and nothing that only voters need', () => {
    const replica = "import { connect, createReplica } from '@rejoin/sync'\nconsole.log(connect, createReplica)\n"
    const watching = "import { watchPartitions } from 'rejoin/partition'\nconsole.log(watchPartitions)\n"
    const voter = "import { voting } from '@rejoin/sync/partition'\nconsole.log(voting)\n"
    const [plain, client, server] = [replica, replica + watching, replica + watching + voter].map(modulesOf)
    expect(plain?.some((file) => file.endsWith('sync/dist/replica.js'))).toBe(true)
    expect(plain?.filter((file) => file.includes('/partition'))).toEqual([])
    const ofVoters =
      /partition\/(votes|duties|voter-start|roster-log|roster-proposer|lease\/acceptor|detector\/swim)\.js$/
    const ofWords = /partition\/(verdict\/explain|recovery\/incident-report)\.js$/
    expect(client?.filter((file) => file.endsWith('partition/watch.js'))).toHaveLength(1)
    const ofLeases = /partition\/(leases|lease\/holder)\.js$/
    const notForAll = [ofVoters, ofWords, ofLeases]
    expect(client?.filter((file) => notForAll.some((some) => some.test(file)))).toEqual([])
    expect(server?.filter((file) => ofLeases.test(file))).toHaveLength(2)
    expect(server?.filter((file) => ofVoters.test(file))).toHaveLength(7)
  })

  test('require() gives what import gives', () => {
    const script = `const a = require('rejoin'); import('rejoin').then((b) =>
      console.log(a.schema === b.schema, Object.keys(a).sort().join() === Object.keys(b).filter((k) => k !== 'module.exports').sort().join()))`
    expect(run(process.execPath, ['--input-type=commonjs', '-e', script])).toBe('true true\n')
  })

  test('[NL10] nothing of NATS comes with them, and what wants it says so', () => {
    expect(existsSync(join(folder, 'node_modules/@nats-io'))).toBe(false)
    const script = `import('@rejoin/node/nats').catch((error) => console.log(error.code, /@nats-io/.test(error.message)))`
    expect(run(process.execPath, ['-e', script])).toBe('ERR_MODULE_NOT_FOUND true\n')
  })

  test('the command is there and says what it can do', () => {
    expect(run(join(folder, 'node_modules/.bin/rejoin'), ['--help'])).toContain('serve')
  })
})

/** The modules of which something is left in a page with this program. */
function modulesOf(program: string): string[] {
  const page = mkdtempSync(join(folder, 'page-'))
  writeFileSync(
    join(page, 'index.html'),
    '<!doctype html><title>x</title><script type="module" src="main.js"></script>',
  )
  writeFileSync(join(page, 'main.js'), program)
  run(tool('vite'), ['build', page, '--logLevel', 'error', '--sourcemap'])
  const assets = join(page, 'dist/assets')
  const maps = readdirSync(assets).filter((file) => file.endsWith('.map'))
  return maps.flatMap((file) => (JSON.parse(readFileSync(join(assets, file), 'utf8')) as { sources: string[] }).sources)
}

function expectAgreement(output: string): void {
  const [conflicts, ours, theirs, ...rest] = output.trim().split('\n')
  // A page's console abbreviates what is nested.
  expect(conflicts).toMatch(/phase|Array\(1\)/)
  expect(ours).toContain('gold: 12')
  expect(theirs).toBe(ours)
  expect(rest).toEqual([])
}

async function printedByPage(built: string): Promise<string> {
  const site = await serveFolder(built)
  const browser = await launchChromium()
  try {
    const page = await browser.newPage()
    const lines: string[] = []
    const problems: string[] = []
    page.on('console', (message) => (message.type() === 'error' ? problems : lines).push(message.text()))
    page.on('pageerror', (error) => problems.push(error.message))
    await page.goto(site.url)
    await expect.poll(() => [lines.length, problems], { timeout: 15_000 }).toEqual([3, []])
    return lines.join('\n')
  } finally {
    await browser.close()
    site.close()
  }
}
