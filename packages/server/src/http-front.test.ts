import { type AddressInfo, connect } from 'node:net'
import type { Health } from '@rejoin/sync/partition'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttpFront, type Readiness } from './http-front.ts'
import { createServerMetrics } from './metrics.ts'
import type { IsOperator } from './operator-access.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

async function start(metricsFor: 'everyone' | 'this-machine' = 'this-machine', isOperator?: IsOperator) {
  let readiness: Readiness = { ready: true }
  let health: Health = { status: 'well', reasons: [] }
  const metrics = createServerMetrics('1.2.3', {
    ready: () => readiness.ready,
    storageOk: () => true,
    replica: () => undefined,
    partitions: () => undefined,
    votes: () => undefined,
    dialing: () => undefined,
  })
  const front = createHttpFront({
    operations: {
      readiness: () => readiness,
      metrics,
      health: () => health,
      operate: async (name, request) => (name === 'echo' ? { request: request as object } : undefined),
      debug: (name) => (name === 'peers' ? { connected: ['b'] } : name === 'explain' ? 'All is well.\n' : undefined),
      metricsFor,
      isOperator,
    },
    files: undefined,
    countRequest: (status) => metrics.httpRequests.inc({ status: String(status) }),
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  stops.push(() => {
    front.closeAllConnections()
    front.close()
    metrics.registry.clear()
  })
  const { port } = front.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    set: (next: Readiness) => {
      readiness = next
    },
    setHealth: (next: Health) => {
      health = next
    },
  }
}

describe('health', () => {
  it('[SV11] says live and ready, and why not ready', async () => {
    const { url, set } = await start()
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    expect(await (await fetch(`${url}/readyz?verbose`)).json()).toEqual({ ready: true })
    set({ ready: false, code: 'server-draining' })
    const response = await fetch(`${url}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({ ready: false, code: 'server-draining' })
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    expect((await fetch(`${url}/nothing`)).status).toBe(404)
  })

  it('[SV33] is found at /health too, with the reason', async () => {
    const { url, set } = await start()
    const among = { status: 'well', reasons: [] }
    const healthy = await fetch(`${url}/health`)
    expect([healthy.status, await healthy.json()]).toEqual([200, { live: true, ready: true, ...among }])
    set({ ready: false, code: 'storage-full' })
    const failing = await fetch(`${url}/health`)
    const reason = 'There is no room left to store changes.'
    expect([failing.status, await failing.json()]).toEqual([
      503,
      { live: true, ready: false, code: 'storage-full', reason, ...among },
    ])
    set({ ready: false, code: 'server-starting' })
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ reason: 'The server has not started yet.' })
  })

  it('[SV67] says of a server that is degraded why, by codes that name nobody, and that clients may come', async () => {
    const { url, setHealth } = await start()
    setHealth({ status: 'degraded', reasons: [{ code: 'split', text: 'On another side, or down: vault-7.' }] })
    const response = await fetch(`${url}/health`)
    expect([response.status, await response.json()]).toEqual([
      200,
      { live: true, ready: true, status: 'degraded', reasons: ['split'] },
    ])
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
  })
})

describe('/debug', () => {
  it('[SV17] answers with data or words, to those who may read /metrics', async () => {
    const { url } = await start()
    expect(await (await fetch(`${url}/debug/peers`)).json()).toEqual({ connected: ['b'] })
    expect(await (await fetch(`${url}/debug/explain`)).text()).toBe('All is well.\n')
    const nothing = await fetch(`${url}/debug/nothing`)
    expect(nothing.status).toBe(404)
    const listed = await nothing.text()
    expect(listed).toContain('there is no /debug/nothing; there are')
    for (const name of ['explain', 'partition', 'peers', 'addresses', 'recoveries'])
      expect(listed).toContain(`/debug/${name} `)
    const proxied = await fetch(`${url}/debug/peers`, { headers: { 'x-forwarded-for': '10.0.0.1' } })
    expect(proxied.status).toBe(403)
    expect(await proxied.text()).toContain('--admin-port')
  })
})

describe('/operate', () => {
  it('[SV21] takes requests of the command only: not of pages, not through proxies, not without its header', async () => {
    const { url } = await start()
    const post = (headers: Record<string, string>, body = '{"a":1}', name = 'echo') =>
      fetch(`${url}/operate/${name}`, { method: 'POST', headers, body })
    const own = { 'x-rejoin-operator': '1' }
    expect(await (await post(own)).json()).toEqual({ request: { a: 1 } })
    expect((await post({})).status).toBe(403)
    expect((await post({ ...own, origin: 'http://evil.example' })).status).toBe(403)
    expect((await post({ ...own, 'x-forwarded-for': '10.0.0.1' })).status).toBe(403)
    expect((await post(own, '{')).status).toBe(400)
    expect((await post(own, JSON.stringify('x'.repeat(70_000)))).status).toBe(413)
    expect((await post(own, '{}', 'nothing')).status).toBe(404)
    expect((await fetch(`${url}/other`, { method: 'POST', headers: own })).status).toBe(405)
  })
})

describe('operators where an authorize hook is set', () => {
  it('[SV24] do anything with a token that is admin for @cluster only, on this machine and on the admin port too', async () => {
    const asked: string[] = []
    const isOperator: IsOperator = async (token) => {
      asked.push(token)
      if (token === 'broken') throw new Error('the directory is down')
      return token === 'of-an-operator'
    }
    for (const where of ['this-machine', 'everyone'] as const) {
      const { url } = await start(where, isOperator)
      const post = async (headers: Record<string, string>) =>
        (await fetch(`${url}/operate/echo`, { method: 'POST', headers, body: '{}' })).status
      const own = { 'x-rejoin-operator': '1' }
      expect(await post(own)).toBe(401)
      expect(await post({ ...own, authorization: 'Bearer of-a-player' })).toBe(401)
      expect(await post({ ...own, authorization: 'Basic of-an-operator' })).toBe(401)
      expect(await post({ ...own, authorization: 'Bearer broken' })).toBe(500)
      expect(await post({ authorization: 'Bearer of-an-operator' })).toBe(403)
      expect(await post({ ...own, authorization: 'Bearer of-an-operator' })).toBe(200)
      // A credential counts from anywhere.
      expect(await post({ ...own, authorization: 'Bearer of-an-operator', 'x-forwarded-for': '10.0.0.1' })).toBe(200)
    }
    expect(new Set(asked)).toEqual(new Set(['of-a-player', 'broken', 'of-an-operator']))
  })

  it('[SV24] look with such a token from anywhere, and without one from here', async () => {
    const { url } = await start('this-machine', async (token) => token === 'of-an-operator')
    const look = async (headers: Record<string, string>) => (await fetch(`${url}/debug/peers`, { headers })).status
    const far = { 'x-forwarded-for': '10.0.0.1' }
    expect(await look({})).toBe(200)
    expect(await look(far)).toBe(401)
    expect(await look({ ...far, authorization: 'Bearer of-a-player' })).toBe(401)
    expect(await look({ ...far, authorization: 'Bearer of-an-operator' })).toBe(200)
  })
})

describe('/metrics', () => {
  it('[SV11] names everything rejoin_, the process too', async () => {
    const { url } = await start()
    await fetch(`${url}/nothing`)
    const response = await fetch(`${url}/metrics`)
    expect(response.headers.get('content-type')).toContain('text/plain')
    const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect(lines.length).toBeGreaterThan(30)
    for (const line of lines) expect(line).toMatch(/^rejoin_/)
    expect(lines).toContain('rejoin_build_info{version="1.2.3"} 1')
    expect(lines).toContain('rejoin_ready 1')
    expect(lines).toContain('rejoin_http_requests_total{status="404"} 1')
    expect(lines.some((line) => line.startsWith('rejoin_process_resident_memory_bytes'))).toBe(true)
  })

  it('[SV11] is refused to whoever came through a proxy or by another name', async () => {
    const { url, port } = await start()
    expect((await fetch(`${url}/metrics`, { headers: { 'x-forwarded-for': '10.0.0.1' } })).status).toBe(403)
    const rebound = await rawGet(port, 'GET /metrics HTTP/1.1\r\nHost: evil.example:4000\r\nConnection: close\r\n\r\n')
    expect(rebound).toMatch(/^HTTP\/1\.1 403/)
    expect(rebound).toContain('--admin-port')
    const open = await start('everyone')
    expect((await fetch(`${open.url}/metrics`, { headers: { 'x-forwarded-for': '10.0.0.1' } })).status).toBe(200)
  })
})

function rawGet(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.on('data', (bytes) => {
      answer += bytes.toString()
    })
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
  })
}
