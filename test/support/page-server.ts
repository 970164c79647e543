import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A page of one script, on a loopback origin of its own. */
export interface PageServer {
  readonly url: string
  close(): Promise<void>
}

/** Bundles `entry` (a path below the repository root) from the sources and serves it with an empty page around it. */
export async function servePage(entry: string): Promise<PageServer> {
  const script = await bundle(entry)
  const answers: Record<string, [type: string, body: string]> = {
    '/': [
      'text/html',
      '<!doctype html><meta charset="utf-8"><title>page</title><script type="module" src="/page.js"></script>',
    ],
    '/page.js': ['text/javascript', script],
    '/favicon.ico': ['image/x-icon', ''],
  }
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const [type, body] = answers[(request.url ?? '/').replace(/[?#].*$/, '')] ?? []
    response.writeHead(type === undefined ? 404 : 200, { 'content-type': type ?? 'text/plain' })
    response.end(body ?? 'not found')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function bundle(entry: string): Promise<string> {
  const result = await build({
    root,
    configFile: false,
    logLevel: 'silent',
    resolve: {
      alias: [
        { find: /^@rejoin\/([a-z]+)$/, replacement: `${root}packages/$1/src/index.ts` },
        { find: /^@rejoin\/([a-z]+)\/(.+)$/, replacement: `${root}packages/$1/src/$2.ts` },
      ],
    },
    build: { write: false, minify: false, target: 'es2022', rolldownOptions: { input: `${root}${entry}` } },
  })
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((one) => ('output' in one ? one.output : []))
  const script = outputs.find((output) => output.type === 'chunk')
  if (script === undefined) throw new Error(`${entry} gave no script`)
  return script.code
}
