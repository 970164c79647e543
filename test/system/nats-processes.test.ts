import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { FencingToken } from '@rejoin/state'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasNatsServer, type NatsServer, startNatsServer } from '../support/nats-server.ts'
import { temporaryDirectory } from './server-process.ts'

const script = fileURLToPath(new URL('./children/lease-taker.mjs', import.meta.url))
/** Each of the five questions of a grant has a sixth of it to be answered: beside tests that keep the disk busy that is not much. */
const ttlMs = 2000
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

type Said =
  | {
      readonly name: string
      readonly kind: 'granted'
      readonly from: number
      readonly until: number
      readonly token: FencingToken
    }
  | { readonly name: string; readonly kind: 'ended'; readonly at: number; readonly token: FencingToken }

/** A holding, by the machine's clock: of one that says nothing more, until it ends by itself. */
interface Holding {
  readonly name: string
  readonly token: FencingToken
  from: number
  until: number
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let server: NatsServer
const said: Said[] = []
const children = new Map<string, ChildProcess>()

function startTaker(name: string): void {
  const args = [script, name, `127.0.0.1:${server.port}`, 'leases', `${ttlMs}`]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  createInterface(child.stdout).on('line', (line) => said.push(JSON.parse(line)))
  children.set(name, child)
}

async function end(name: string): Promise<void> {
  const child = children.get(name) as ChildProcess
  children.delete(name)
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

const idOf = ({ epoch, ballot }: FencingToken): string => `${epoch}.${ballot}`

function holdings(): Holding[] {
  const byToken = new Map<string, Holding>()
  for (const entry of said) {
    const known = byToken.get(idOf(entry.token))
    if (entry.kind === 'granted') {
      const { name, token, from, until } = entry
      if (known === undefined) byToken.set(idOf(token), { name, token, from, until })
      else known.until = Math.max(known.until, until)
    } else if (known !== undefined) known.until = Math.min(known.until, entry.at)
  }
  return [...byToken.values()].sort((left, right) => left.from - right.from)
}

/** Waits until somebody was granted it since. */
async function untilGranted(what: string): Promise<string> {
  const before = said.length
  for (let turn = 0; turn < 300; turn++) {
    const entry = said.slice(before).find(({ kind }) => kind === 'granted')
    if (entry !== undefined) return entry.name
    await sleep(50)
  }
  throw new Error(`nobody was granted the lease within 15 s: ${what}`)
}

describe.runIf(hasNatsServer())('processes that take one lease in NATS', () => {
  beforeAll(async () => {
    directory = await temporaryDirectory()
    server = await startNatsServer(directory.path)
  })
  afterAll(async () => {
    for (const name of [...children.keys()]) await end(name)
    await server.kill()
    await directory.remove()
  })

  it('[NL7] never hold it at once, and never under a lower token, over kill -9 of server and holders, a stopped holder, and a lost store', async () => {
    for (const name of ['alice', 'bob', 'carol']) startTaker(name)
    await untilGranted('at first')
    for (let round = 0; round < 3; round++) {
      await server.kill()
      await sleep(round * 700)
      await server.start()
      await untilGranted(`after restart ${round}`)
      await sleep(1.5 * ttlMs)
    }
    // The holder dies with the lease, and another stands still with it.
    const dead = await untilGranted('before a kill')
    await end(dead)
    await sleep(2.5 * ttlMs)
    startTaker(dead)
    const stopped = await untilGranted('before a stop')
    children.get(stopped)?.kill('SIGSTOP')
    await sleep(2.5 * ttlMs)
    children.get(stopped)?.kill('SIGCONT')
    await untilGranted('after a stop')
    await server.kill()
    await server.lose()
    await server.start()
    await untilGranted('after the loss of the store')
    await sleep(2 * ttlMs)

    const all = holdings()
    const overlaps = all.filter(({ from }, at) => at > 0 && from < (all[at - 1] as Holding).until)
    expect(overlaps).toEqual([])
    const falls = all.filter(({ token }, at) => {
      const before = all[at - 1]?.token
      return before !== undefined && (token.epoch - before.epoch || token.ballot - before.ballot) <= 0
    })
    expect(falls).toEqual([])
    expect(new Set(all.map(({ token }) => token.epoch)).size).toBe(2)
    expect(new Set(all.map(({ name }) => name)).size).toBe(3)
    expect(all.length).toBeGreaterThan(5)
  })
})
