import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { lmdb } from '@rejoin/node'
import { afterEach, describe, expect, it } from 'vitest'
import { type Durability, durabilityOf, hasStrace, parseStrace, underStrace } from '../support/strace.ts'

const writer = fileURLToPath(new URL('./children/lmdb-writer.mjs', import.meta.url))
const damager = fileURLToPath(new URL('./children/lmdb-damage.mjs', import.meta.url))
const directories: string[] = []
function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rejoin-lmdb-'))
  directories.push(directory)
  return directory
}
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

const run = promisify(execFile)

async function keysIn(directory: string): Promise<string[]> {
  const storage = lmdb(directory)
  const rows = await storage.read('')
  await storage.close()
  return rows.map((row) => row.key)
}

describe.runIf(hasStrace())('lmdb under strace', () => {
  /** Traces a writer and looks, for each row, at what was still volatile when its promise had resolved. */
  async function answers(mode: string): Promise<Durability[]> {
    const directory = freshDirectory()
    const file = join(freshDirectory(), 'trace')
    const [command = '', ...args] = [...underStrace(file), process.execPath, writer, directory, '5', 'row', mode]
    await run(command, args)
    const calls = parseStrace(readFileSync(file, 'utf8'))
    const lineOf = (text: string): number =>
      calls.find(({ args }) => args.includes(`"${text}\\n"`))?.began ?? Number.NaN
    return [1, 2, 3, 4].map((index) =>
      durabilityOf(calls, 'data.mdb', lineOf(`BEFORE ${index}`), lineOf(`AFTER ${index}`)),
    )
  }

  // The pages of the batch, then the meta page that makes them count.
  const isDurable = ({ writes, volatile }: Durability): boolean => writes >= 2 && volatile.length === 0

  it('[SO11] every page of a batch is synced before its promise resolves', async () => {
    for (const round of await answers('storage')) expect(round, JSON.stringify(round)).toSatisfy(isDurable)
  })

  it.each(['hasty', 'no-sync'])('[SO11] a mutant that answers before the flush is caught: %s', async (mode) => {
    expect((await answers(mode)).some((round) => !isDurable(round))).toBe(true)
  })
})

describe('lmdb in several processes', () => {
  it('[SO9] two processes write into one directory at once, and nothing is lost', async () => {
    const directory = freshDirectory()
    await Promise.all(['a', 'b'].map((prefix) => run(process.execPath, [writer, directory, '100', prefix])))
    const keys = await keysIn(directory)
    expect(keys.length).toBe(200)
    expect(keys[0]).toBe('a/000000')
    expect(keys[199]).toBe('b/000099')
  })

  it('[SO13] has every answered row after kill -9, also for the process that is open beside it', async () => {
    const directory = freshDirectory()
    const beside = lmdb(directory)
    await beside.write([{ kind: 'put', key: 'beside', bytes: new Uint8Array(1) }])
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, [writer, directory, '100000', `r${round}`])
      let said = ''
      const enough = new Promise<void>((resolve) => {
        child.stdout.on('data', (text) => {
          said += text
          if (said.includes(`AFTER ${10 + round * 7}`)) resolve()
        })
      })
      await enough
      const gone = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGKILL')
      await gone
      const answered = said.match(/^AFTER \d+$/gm)?.length ?? 0
      const keys = (await beside.read(`r${round}/`)).map((row) => row.key)
      expect(answered).toBeGreaterThan(0)
      expect(keys.length).toBeGreaterThanOrEqual(answered)
      expect(keys.length).toBeLessThanOrEqual(answered + 1)
      await beside.write([{ kind: 'put', key: `beside/${round}`, bytes: new Uint8Array(1) }])
    }
    await beside.close()
    expect((await keysIn(directory)).filter((key) => key.startsWith('beside')).length).toBe(6)
  })
})

describe('lmdb on a damaged file', () => {
  it('never ends the process: the rows, or storage-corrupt', async () => {
    const directory = freshDirectory()
    const storage = lmdb(directory)
    for (let index = 0; index < 60; index++) {
      await storage.write([
        { kind: 'put', key: `row/${index}`, bytes: new Uint8Array(1 + index * 50) },
        { kind: 'put', key: `other/${index}`, bytes: new Uint8Array(index % 7 === 0 ? 9000 : 30) },
      ])
    }
    await storage.close()
    const { stdout } = await run(process.execPath, [damager, directory, join(freshDirectory(), 'copy'), '150', '417'])
    const outcomes = JSON.parse(stdout)
    expect(Object.keys(outcomes).sort()).toEqual(['resolved', 'storage-corrupt'])
    expect(outcomes['storage-corrupt']).toBeGreaterThan(20)
    expect(outcomes['resolved']).toBeGreaterThan(20)
  })
})

describe.runIf(mayMount())('lmdb on a full disk', () => {
  it('answers storage-full, keeps what it had, and works again when there is room', () => {
    // A file system of 2 MB in a namespace of its own; the shell fills it through the storage, then gives room back.
    const script = `
      mount -t tmpfs -o size=2m none "$0" && mkdir "$0/store" &&
      head -c 500000 /dev/zero > "$0/ballast" &&
      "$1" "$2" "$0/store" 1000 full storage 20000 &&
      rm "$0/ballast" && "$1" "$2" "$0/store" 3 again storage 20000 &&
      "$1" "$2" "$0/store" 0`
    const { stdout, stderr, status } = spawnSync(
      'unshare',
      ['-Urm', 'sh', '-c', script, freshDirectory(), process.execPath, writer],
      { encoding: 'utf8' },
    )
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('REFUSED storage-full')
    expect(stdout.slice(stdout.indexOf('REFUSED'))).toContain('AFTER 2')
  })
})

/** Whether this user may mount a small file system in a namespace of its own. */
function mayMount(): boolean {
  const { status } = spawnSync('unshare', ['-Urm', 'sh', '-c', 'mount -t tmpfs -o size=64k none /mnt'])
  if (status === 0) return true
  console.info('the test on a full disk is left out: no unprivileged mounts here (unshare -Urm)')
  return false
}
