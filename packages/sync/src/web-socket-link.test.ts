import { describe, expect, it } from 'vitest'
import type { LinkEvents } from './seams.ts'
import { closedFrom, closeText, type WebSocketLike, webSocketLink } from './web-socket-link.ts'

type Listener = (event: Record<string, unknown>) => void

function fakeSocket() {
  const listeners = new Map<string, Listener>()
  const calls: unknown[][] = []
  const socket = {
    readyState: 0,
    bufferedAmount: 7,
    send: (data: Uint8Array) => calls.push(['send', ...data]),
    close: (...args: unknown[]) => calls.push(['close', ...args]),
    addEventListener: (type: string, listener: unknown) => listeners.set(type, listener as Listener),
  }
  return {
    calls,
    state: socket,
    socket: socket as WebSocketLike,
    emit: (type: string, event: Record<string, unknown> = {}) => {
      if (type === 'open') socket.readyState = 1
      listeners.get(type)?.(event)
    },
  }
}

function recorder() {
  const seen: unknown[] = []
  const events: LinkEvents = {
    opened: () => seen.push('opened'),
    frame: (bytes) => seen.push([...bytes]),
    closed: (reason) => seen.push(reason),
  }
  return { seen, events }
}

describe('webSocketLink', () => {
  it('carries frames while open and drops them silently before and after', () => {
    const { socket, emit, calls } = fakeSocket()
    const { events, seen } = recorder()
    const link = webSocketLink(socket, events, 100)
    link.send(new Uint8Array([1]))
    emit('open')
    link.send(new Uint8Array([2]))
    emit('message', { data: new Uint8Array([3, 4]).buffer })
    link.close()
    link.send(new Uint8Array([5]))
    emit('message', { data: new Uint8Array([6]).buffer })
    expect(calls).toEqual([
      ['send', 2],
      ['close', 1000],
    ])
    expect(seen).toEqual(['opened', [3, 4], { code: 'closed', reason: '', clean: true }])
    expect(link.bufferedBytes).toBe(7)
  })

  it('reports a local close at once and only once', () => {
    const { socket, emit, calls } = fakeSocket()
    const { events, seen } = recorder()
    const link = webSocketLink(socket, events, 100)
    emit('open')
    link.close('refused', 'no entry')
    link.close('again')
    emit('close', { code: 4000, reason: 'refused: no entry', wasClean: true })
    expect(calls).toEqual([['close', 4000, 'refused: no entry']])
    expect(seen).toEqual(['opened', { code: 'refused', reason: 'no entry', clean: true }])
  })

  it('ends the link on a text and on a frame beyond the limit', () => {
    for (const [data, code] of [
      ['hello', 'malformed'],
      [new ArrayBuffer(101), 'too-large'],
    ] as const) {
      const { socket, emit } = fakeSocket()
      const { events, seen } = recorder()
      webSocketLink(socket, events, 100)
      emit('open')
      emit('message', { data })
      expect(seen).toMatchObject(['opened', { code, clean: true }])
    }
  })

  it('says why the platform could not connect', () => {
    const { socket, emit } = fakeSocket()
    const { events, seen } = recorder()
    webSocketLink(socket, events, 100)
    emit('error', { message: 'connect ECONNREFUSED' })
    emit('close', { code: 1006, reason: '', wasClean: false })
    expect(seen).toEqual([{ code: 'lost', reason: 'connect ECONNREFUSED', clean: false }])
  })
})

describe('close codes', () => {
  it('brings code and reason across, within 123 printable bytes', () => {
    expect(closedFrom(4000, closeText('too-large', 'a bundle of 9 MB'), true)).toEqual({
      code: 'too-large',
      reason: 'a bundle of 9 MB',
      clean: true,
    })
    expect(closeText('refused', '\u{1f600}é'.repeat(100))).toMatch(/^refused: [ -~]{114}$/)
  })

  it('has a word for every number, also for hostile ones', () => {
    expect(closedFrom(1001, '', true)).toEqual({ code: 'going-away', reason: 'WebSocket close code 1001', clean: true })
    expect(closedFrom(1006, '', false)).toMatchObject({ code: 'lost', clean: false })
    expect(closedFrom(1009, 'Max payload size exceeded', true).code).toBe('too-large')
    expect(closedFrom(4000, 'NOT A CODE', true)).toEqual({ code: 'closed-by-peer', reason: 'NOT A CODE', clean: true })
    expect(closedFrom(-1, '', true).code).toBe('closed-by-peer')
  })
})
