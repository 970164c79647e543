/**
 * Serves the files of one directory: small, careful, and nothing but GET and HEAD.
 *
 * A name is decoded once, checked segment by segment, and what it resolves to must be a regular file whose real path
 * lies under the real root: neither `..` in any spelling, nor a link, nor a dot file leads out.
 */
import { open, readFile, realpath, stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** Answers a request for a file; the promise tells whether there was one, never rejects for what a client can cause. */
export type StaticFiles = (request: IncomingMessage, response: ServerResponse, pathname: string) => Promise<boolean>

interface FoundFile {
  readonly path: string
  readonly size: number
  readonly etag: string
}

type Encoding = 'br' | 'gzip'

const typeByExtension: Readonly<Record<string, string>> = {
  '.avif': 'image/avif',
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}

/** Below this many bytes compressing saves no packet; above the other, streaming beats holding the result. */
const compressFromBytes = 1_024
const compressUpToBytes = 4 * 1_024 * 1_024
const compressCacheBytes = 32 * 1_024 * 1_024

/** A name with a build's content hash never changes its content. */
const hashedName = /[\\/]assets[\\/].*-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/

/**
 * Opens a directory for serving.
 *
 * Hashed assets may be cached for ever, all else is revalidated by its ETag. Text is compressed (brotli, gzip) once
 * and kept, up to 32 MiB; a file replaced while the server runs is served anew.
 * @throws the error of `realpath` when the directory does not exist.
 */
export async function staticFiles(directory: string): Promise<StaticFiles> {
  const root = await realpath(directory)
  const compressed = compressionCache()
  return async (request, response, pathname) => {
    const found = await find(root, pathname)
    if (found === undefined) return false
    await answer(request, response, found, compressed)
    return true
  }
}

async function find(root: string, pathname: string): Promise<FoundFile | undefined> {
  const relative = safeRelativePath(pathname)
  if (relative === undefined) return undefined
  const wanted = join(root, relative)
  try {
    const path = await realpath(relative === '' || pathname.endsWith('/') ? join(wanted, 'index.html') : wanted)
    if (!path.startsWith(root + sep)) return undefined
    const info = await stat(path)
    if (!info.isFile()) return undefined
    return { path, size: info.size, etag: `W/"${info.size.toString(36)}-${Math.trunc(info.mtimeMs).toString(36)}"` }
  } catch {
    return undefined // missing, unreadable, a name the file system refuses: to a client all the same
  }
}

/** The path below the root that a request names, or undefined for anything that no link of ours would contain. */
export function safeRelativePath(pathname: string): string | undefined {
  let decoded: string
  try {
    decoded = decodeURIComponent(pathname)
  } catch {
    return undefined
  }
  if (!decoded.startsWith('/') || decoded.length > 1_024 || /[\0\\:]/.test(decoded)) return undefined
  const segments = decoded.slice(1).split('/')
  const last = segments.length - 1
  for (const [index, segment] of segments.entries()) {
    if (segment.startsWith('.') || (segment === '' && index !== last)) return undefined
  }
  return segments.join('/')
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  file: FoundFile,
  compressed: CompressionCache,
): Promise<void> {
  const type = typeByExtension[extname(file.path).toLowerCase()] ?? 'application/octet-stream'
  response.setHeader('content-type', type)
  response.setHeader('etag', file.etag)
  response.setHeader('cache-control', hashedName.test(file.path) ? 'public, max-age=31536000, immutable' : 'no-cache')
  const compressible = isText(type) && file.size >= compressFromBytes && file.size <= compressUpToBytes
  if (compressible) response.setHeader('vary', 'accept-encoding')
  if (isFresh(request.headers['if-none-match'], file.etag)) {
    response.writeHead(304).end()
    return
  }
  const encoding = compressible ? acceptedEncoding(request.headers['accept-encoding']) : undefined
  const body = encoding === undefined ? undefined : await compressed(file, encoding)
  if (encoding !== undefined && body !== undefined) {
    response.writeHead(200, { 'content-encoding': encoding, 'content-length': body.byteLength })
    response.end(request.method === 'HEAD' ? undefined : body)
    return
  }
  await stream(request, response, file)
}

async function stream(request: IncomingMessage, response: ServerResponse, file: FoundFile): Promise<void> {
  if (request.method === 'HEAD' || file.size === 0) {
    response.writeHead(200, { 'content-length': file.size }).end()
    return
  }
  const handle = await open(file.path, 'r').catch(() => undefined)
  if (handle === undefined) {
    response.writeHead(404).end()
    return
  }
  response.writeHead(200, { 'content-length': file.size })
  // Exactly the announced length, also when the file grows meanwhile; when it shrinks the connection breaks, as it must.
  const source = handle.createReadStream({ start: 0, end: file.size - 1 })
  source.on('error', () => response.destroy())
  response.on('close', () => source.destroy())
  source.pipe(response)
}

function isText(type: string): boolean {
  return /^text\/|javascript|json|svg|wasm/.test(type)
}

function isFresh(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch === '*' || ifNoneMatch.split(',').some((candidate) => candidate.trim() === etag)
}

function acceptedEncoding(header: string | string[] | undefined): Encoding | undefined {
  const offered = String(header ?? '')
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => !/;\s*q=0(\.0*)?$/.test(part))
    .map((part) => part.split(';')[0])
  return offered.includes('br') ? 'br' : offered.includes('gzip') ? 'gzip' : undefined
}

type CompressionCache = (file: FoundFile, encoding: Encoding) => Promise<Uint8Array | undefined>

function compressionCache(): CompressionCache {
  const entries = new Map<string, { readonly etag: string; readonly body: Uint8Array }>()
  let heldBytes = 0
  return async (file, encoding) => {
    const key = `${encoding} ${file.path}`
    const kept = entries.get(key)
    if (kept?.etag === file.etag) return kept.body
    const source = await readFile(file.path).catch(() => undefined)
    if (source === undefined) return undefined
    const body = await compress(source, encoding)
    if (kept !== undefined) heldBytes -= kept.body.byteLength
    entries.delete(key)
    if (heldBytes + body.byteLength <= compressCacheBytes) {
      entries.set(key, { etag: file.etag, body })
      heldBytes += body.byteLength
    }
    return body
  }
}

async function compress(source: Uint8Array, encoding: Encoding): Promise<Uint8Array> {
  if (encoding === 'gzip') return promisify(gzip)(source)
  return promisify(brotliCompress)(source, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } })
}
