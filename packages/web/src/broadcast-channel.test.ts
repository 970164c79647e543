import type { Link, LinkClosed, LinkInfo, ListenHost } from '@rejoin/sync'
import { runTransportContract } from '@rejoin/sync/contracts'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { broadcastChannel } from './broadcast-channel.ts'

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
async function until(condition: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(condition()).toBe(true), { timeout: 15_000, interval: 5 })
}

// Every test its own channel: the platform has one space of names for the whole process.
let count = 0
const freshName = (): string => `test-${process.pid}-${count++}`

/** Channels whose tab has crashed: nothing goes in or out any more. */
const dead = new Set<object>()
const made: object[] = []
const Native = globalThis.BroadcastChannel
class MortalChannel extends Native {
  constructor(name: string) {
    super(name)
    made.push(this)
    this.addEventListener('message', (event: Event) => {
      if (dead.has(this)) event.stopImmediatePropagation()
    })
  }
  override postMessage(message: unknown): void {
    if (!dead.has(this)) super.postMessage(message)
  }
}
vi.stubGlobal('BroadcastChannel', MortalChannel)

runTransportContract({ describe, it, expect }, 'broadcast-channel', () => {
  const name = freshName()
  const first = made.length
  return {
    left: broadcastChannel(name, { announceMs: 200 }),
    right: broadcastChannel(name, { announceMs: 200 }),
    settle,
    cut: () => {
      const victim = made[first]
      if (victim !== undefined) dead.add(victim)
    },
    dispose: () => {},
  }
})

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
  vi.unstubAllGlobals()
  vi.stubGlobal('BroadcastChannel', MortalChannel)
})

interface TabOptions {
  readonly accept?: (link: Link) => void
  readonly maxFrameBytes?: number
  /** Short where a test waits for turns. A tab that is kept from answering for three of them counts as dead. */
  readonly announceMs?: number
}

/** A tab that listens and records what happens to it. */
function tab(name: string, { accept, maxFrameBytes, announceMs = 300 }: TabOptions = {}) {
  const links: Link[] = []
  const infos: LinkInfo[] = []
  const closed: LinkClosed[] = []
  const frames: number[] = []
  const host: ListenHost = {
    accept: (link, info) => {
      links.push(link)
      infos.push(info)
      accept?.(link)
      return { opened: () => {}, frame: (bytes) => frames.push(bytes.length), closed: (why) => closed.push(why) }
    },
  }
  const options = { announceMs, ...(maxFrameBytes === undefined ? {} : { maxFrameBytes }) }
  const listening = broadcastChannel(name, options).listen(host)
  const channel = made.at(-1)
  closers.push(listening.close)
  return { links, infos, closed, frames, listening, die: () => channel && dead.add(channel) }
}

describe('broadcastChannel', () => {
  it('links every pair of tabs once, with one initiator each', async () => {
    const name = freshName()
    const tabs = [tab(name), tab(name), tab(name), tab(name)]
    await until(() => tabs.every(({ links }) => links.length === 3))
    for (let round = 0; round < 10; round++) await settle()
    expect(tabs.map(({ links }) => links.length)).toEqual([3, 3, 3, 3])
    expect(tabs.flatMap(({ infos }) => infos.filter((info) => info.initiator)).length).toBe(6)
    expect(tabs.flatMap(({ closed }) => closed)).toEqual([])
  })

  it('does not mix tabs of different channel names', async () => {
    const tabs = [tab(freshName()), tab(freshName())]
    for (let round = 0; round < 10; round++) await settle()
    expect(tabs.map(({ links }) => links.length)).toEqual([0, 0])
  })

  it('notices a tab that died silently, and links with the one that takes its place', async () => {
    const name = freshName()
    const survivor = tab(name)
    const victim = tab(name)
    await until(() => survivor.links.length >= 1 && victim.links.length >= 1)
    victim.die()
    await until(() => survivor.closed.length >= 1)
    expect(survivor.closed[0]).toMatchObject({ code: 'silent', clean: false })
    tab(name)
    await until(() => survivor.links.length >= 2)
  })

  it('opens a link again, at a later turn, after one end has closed it', async () => {
    const name = freshName()
    const left = tab(name)
    const right = tab(name)
    await until(() => left.links.length >= 1 && right.links.length >= 1)
    left.links[0]?.close('busy', 'later')
    expect(left.closed).toEqual([{ code: 'busy', reason: 'later', clean: true }])
    await until(() => right.closed.length >= 1)
    expect(right.closed).toEqual([{ code: 'busy', reason: 'later', clean: true }])
    // A busy machine may miss announcements for so long that the second link gives way to a third.
    await until(() => left.links.length >= 2 && right.links.length >= 2)
    await until(() => {
      right.links.at(-1)?.send(new Uint8Array(3))
      return left.frames.length >= 1
    })
  })

  it('a host may close a link while it looks at it', async () => {
    const name = freshName()
    const strict = tab(name, { accept: (link) => link.close('refused', 'not you') })
    const other = tab(name)
    await until(() => other.closed.length >= 1 && strict.closed.length >= 1)
    expect(other.closed[0]).toEqual({ code: 'refused', reason: 'not you', clean: true })
    expect(strict.closed[0]).toEqual({ code: 'refused', reason: 'not you', clean: true })
  })

  it('ends a link over a frame beyond the limit, on the way out and on the way in', async () => {
    const name = freshName()
    const small = tab(name, { maxFrameBytes: 100 })
    const large = tab(name)
    await until(() => small.links.length >= 1 && large.links.length >= 1)
    small.links[0]?.send(new Uint8Array(101))
    expect(small.closed[0]).toMatchObject({ code: 'too-large', clean: false })
    await until(() => small.links.length >= 2 && large.links.length >= 2)
    large.links[1]?.send(new Uint8Array(101))
    await until(() => small.closed.length >= 2 && large.closed.length >= 2)
    expect(large.closed[1]).toMatchObject({ code: 'too-large', clean: false })
    expect(small.frames).toEqual([])
  })

  it('says goodbye when the page is hidden for good, and is back when the page is', async () => {
    const name = freshName()
    const staying = tab(name)
    const page = new EventTarget()
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page))
    const leaving = tab(name)
    await until(() => leaving.links.length >= 1 && staying.links.length >= 1)
    page.dispatchEvent(new Event('pagehide'))
    expect(leaving.closed).toMatchObject([{ code: 'going-away', clean: true }])
    await until(() => staying.closed.length >= 1)
    for (let round = 0; round < 20; round++) await settle()
    expect(staying.links.length).toBe(1)
    page.dispatchEvent(new Event('pageshow'))
    await until(() => leaving.links.length >= 2 && staying.links.length >= 2)
  })

  it('ignores what others say on a channel of that name, and hostile messages', async () => {
    const name = freshName()
    const victim = tab(name)
    const stranger = new Native(name)
    closers.push(() => stranger.close())
    const id = '0000000000000000'
    const forms = [
      null,
      1,
      'x',
      [],
      {},
      { format: 'rejoin-tab-1' },
      { format: 'rejoin-tab-1', kind: 'announce', from: 7 },
    ]
    for (const form of forms) stranger.postMessage(form)
    for (const kind of ['open', 'accept', 'frame', 'taken', 'close', 'present', 'nonsense']) {
      for (const link of [-1, 1.5, 'x', 1]) {
        stranger.postMessage({ format: 'rejoin-tab-1', kind, from: id, to: id, link, seq: 'x', bytes: 'y', code: 1 })
      }
    }
    const other = tab(name)
    await until(() => victim.links.length >= 1 && other.links.length >= 1)
    expect(victim.closed).toEqual([])
  })

  it('finds nobody and breaks nothing where the platform has no such channel', () => {
    vi.stubGlobal('BroadcastChannel', undefined)
    const listening = broadcastChannel().listen({ accept: () => ({ opened() {}, frame() {}, closed() {} }) })
    listening.close()
  })
})
