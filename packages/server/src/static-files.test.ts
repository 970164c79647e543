import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHttpFront } from './http-front.ts'
import { safeRelativePath, staticFiles } from './static-files.ts'

let directory: string
let url: string
let port: number
let stop: () => void
const counted: number[] = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rejoin-static-'))
  const site = join(directory, 'site')
  await mkdir(join(site, 'assets'), { recursive: true })
  await mkdir(join(site, 'lab'))
  await mkdir(join(directory, 'site-secret'))
  await writeFile(join(directory, 'secret.txt'), 'secret')
  await writeFile(join(directory, 'site-secret', 'x.txt'), 'secret')
  await writeFile(join(site, '.env'), 'secret')
  await writeFile(join(site, 'index.html'), '<!doctype html><title>home</title>')
  await writeFile(join(site, 'lab', 'index.html'), 'lab')
  await writeFile(join(site, 'assets', 'app-Bx12_-9Z.js'), `// ${'x'.repeat(5_000)}`)
  await writeFile(join(site, 'empty.txt'), '')
  await symlink(join(directory, 'secret.txt'), join(site, 'link.txt'))
  const front = createHttpFront({
    operations: undefined,
    files: await staticFiles(site),
    countRequest: (status) => counted.push(status),
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  port = (front.address() as AddressInfo).port
  url = `http://127.0.0.1:${port}`
  stop = () => front.close()
})

afterAll(async () => {
  stop()
  await rm(directory, { recursive: true })
})

/** Sends the target as it is: fetch would tidy up the dots first. */
function raw(target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    })
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
}

describe('staticFiles', () => {
  it('[SV13] serves a page with its type, the policy and a tag to revalidate by', async () => {
    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('home')
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-cache')
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    const etag = response.headers.get('etag') ?? ''
    const again = await fetch(url, { headers: { 'if-none-match': etag } })
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
    expect(await (await fetch(`${url}/lab/`)).text()).toBe('lab')
  })

  it('[SV13] lets hashed assets be kept for ever and compresses text', async () => {
    const response = await fetch(`${url}/assets/app-Bx12_-9Z.js`, { headers: { 'accept-encoding': 'gzip' } })
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(Number(response.headers.get('content-length'))).toBeLessThan(500)
    expect((await response.text()).length).toBe(5_003)
    const plain = await raw('/assets/app-Bx12_-9Z.js')
    expect(plain).toContain('Content-Length: 5003'.toLowerCase())
    expect(plain).toContain('vary: accept-encoding')
    expect(gunzipSync(Buffer.from(await compressedBytes())).byteLength).toBe(5_003)
  })

  it('[SV13] answers HEAD without a body, an empty file, and 405 for the rest', async () => {
    const head = await fetch(`${url}/`, { method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe('34')
    expect(await head.text()).toBe('')
    expect((await fetch(`${url}/empty.txt`)).status).toBe(200)
    const post = await fetch(`${url}/`, { method: 'POST', body: 'x' })
    expect(post.status).toBe(405)
    expect(post.headers.get('allow')).toBe('GET, HEAD')
  })

  it('[SV13] leads nowhere outside its directory', async () => {
    const targets = [
      '/../secret.txt',
      '/..%2fsecret.txt',
      '/%2e%2e/secret.txt',
      '/%2e%2e%2fsecret.txt',
      '/lab/../../secret.txt',
      '/..%5csecret.txt',
      '/../site-secret/x.txt',
      '/link.txt',
      '/.env',
      '/%2eenv',
      '//etc/passwd',
      '/etc/passwd%00.html',
      '/%',
      '/%ff',
      '/lab',
      '/nothing',
      `/${'a'.repeat(2_000)}`,
      '*',
      'http://127.0.0.1/../secret.txt',
    ]
    for (const target of targets) {
      const answer = await raw(target)
      expect(answer, target).not.toContain('secret')
      expect(answer, target).toMatch(/^HTTP\/1\.1 (404|400)/)
    }
    expect(counted).toContain(404)
  })

  it('[SV13] answers garbage with 400 and goes on', async () => {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('\x16\x03\x01 not http at all\r\n\r\n'))
      socket.on('data', (bytes) => resolve(bytes.toString()))
    })
    expect(answer).toContain('400')
    expect((await fetch(url)).status).toBe(200)
  })
})

describe('safeRelativePath', () => {
  it('knows what a link of ours looks like', () => {
    expect(safeRelativePath('/')).toBe('')
    expect(safeRelativePath('/a/b.js')).toBe('a/b.js')
    expect(safeRelativePath('/a%20b')).toBe('a b')
    expect(safeRelativePath('/a//b')).toBeUndefined()
    expect(safeRelativePath('/C:/x')).toBeUndefined()
  })
})

async function compressedBytes(): Promise<Uint8Array> {
  const { request } = await import('node:http')
  return await new Promise((resolve, reject) => {
    const headers = { 'accept-encoding': 'gzip' }
    const asked = request(`${url}/assets/app-Bx12_-9Z.js`, { headers }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => resolve(Buffer.concat(parts)))
    })
    asked.on('error', reject)
    asked.end()
  })
}
