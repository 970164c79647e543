import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const directory = fileURLToPath(new URL('../', import.meta.url))

function run(file: string): Promise<{ readonly code: unknown; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [file, 'status', '--check'], (error, out, err) => {
      resolve({ code: error?.code ?? 0, out, err })
    })
  })
}

it('[SV39] the command is in the repository, where npm links it, and says how to build where nothing is built', async () => {
  const { bin } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    readonly bin: { rejoin: string }
  }
  expect(bin.rejoin).not.toContain('dist')
  expect(existsSync(join(directory, bin.rejoin))).toBe(true)
  const copy = mkdtempSync(join(tmpdir(), 'rejoin-bin-'))
  try {
    writeFileSync(join(copy, 'package.json'), '{ "type": "module" }')
    mkdirSync(join(copy, 'bin'))
    const file = join(copy, bin.rejoin)
    copyFileSync(join(directory, bin.rejoin), file)
    const unbuilt = await run(file)
    expect(unbuilt.code).toBe(1)
    expect(unbuilt.err).toContain('npm run build')
    mkdirSync(join(copy, 'dist'))
    writeFileSync(join(copy, 'dist/cli.js'), "console.log(process.argv.slice(2).join(' '))\nprocess.exitCode = 3\n")
    expect(await run(file)).toEqual({ code: 3, out: 'status --check\n', err: '' })
  } finally {
    rmSync(copy, { recursive: true })
  }
})
