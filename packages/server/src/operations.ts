/** `rejoin checkpoint`, `checkpoints`, `rollback`, `dismiss` and `rejoin`: has a server do something, and says in words what came of it. */
import type { KeptLeaf } from '@rejoin/state'
import { asking, type Terminal } from './ask-server.ts'
import { type PrintOptions, printJson } from './status.ts'

interface KeptCheckpoint {
  readonly server: string
  readonly document: string
  readonly name: string
  readonly bytes: number
  readonly digest: string
}

interface KeptCheckpoints {
  readonly server: string
  readonly document: string
  readonly checkpoints: readonly { readonly name: string; readonly bytes: number }[]
}

interface RolledBack {
  readonly document: string
  readonly name: string
  readonly wrote: boolean
  readonly digest: string
  readonly kept: readonly KeptLeaf[]
}

interface Dismissed {
  readonly server: string
  readonly incident: string
}

interface Dialled {
  readonly dialled: readonly string[]
}

/** Has the server carry out a request, and prints what it answers: as it is, or in words. */
async function printed<T extends object>(
  url: string,
  [name, request]: readonly [string, object],
  words: (answer: T, at: string) => readonly string[],
  { json }: PrintOptions,
  terminal: Terminal,
): Promise<number> {
  const server = asking(url, terminal)
  const answer = await server.operate<T>(name, request)
  if (json) printJson(answer, terminal)
  else for (const line of words(answer, server.url)) terminal.stdout.write(`${line}\n`)
  return 0
}

export const printCheckpoint = (
  url: string,
  [document, name]: readonly string[],
  options: PrintOptions,
  terminal: Terminal,
): Promise<number> =>
  printed<KeptCheckpoint>(
    url,
    ['checkpoint', { document, name }],
    (kept, at) => [
      `kept ${kept.document} as ${kept.name}: ${kept.bytes} bytes, digest ${kept.digest}`,
      `It stands on this server, ${kept.server} at ${at}, and on no other: that one is to be asked to go back to it.`,
    ],
    options,
    terminal,
  )

export const printCheckpoints = (
  url: string,
  [document]: readonly string[],
  options: PrintOptions,
  terminal: Terminal,
): Promise<number> =>
  printed<KeptCheckpoints>(
    url,
    ['checkpoints', { document }],
    ({ server, document: of, checkpoints }) =>
      checkpoints.length === 0
        ? [`no checkpoints of ${of} on the server ${server}; those of others stand there`]
        : [`on the server ${server}:`, ...checkpoints.map(({ name, bytes }) => `${name}  ${bytes} bytes`)],
    options,
    terminal,
  )

export const printRollback = (
  url: string,
  [document, name]: readonly string[],
  options: PrintOptions,
  terminal: Terminal,
): Promise<number> =>
  printed<RolledBack>(
    url,
    ['rollback', { document, name }],
    ({ document: of, name: to, wrote, digest, kept }) => [
      wrote
        ? `${of} went back to ${to}, by a change like any other; digest ${digest}`
        : `nothing to do: ${of} reads what ${to} reads${kept.length > 0 ? ', but for what is left' : ''}; digest ${digest}`,
      ...kept.map(
        (leaf) =>
          `left as it is: ${leaf.path.join('.') || 'the document itself'} (${leaf.kind}), ${whyKept[leaf.reason]}`,
      ),
    ],
    options,
    terminal,
  )

const whyKept: Readonly<Record<KeptLeaf['reason'], string>> = {
  rights: 'as rights that others hold may not be set back',
  token: 'as it takes the token of its lease',
  concurrent: 'as several values stood there, and one change writes one',
}

export const printDismissal = (
  url: string,
  [incident, reason]: readonly [string, string],
  options: PrintOptions,
  terminal: Terminal,
): Promise<number> =>
  printed<Dismissed>(
    url,
    ['dismiss', { incident, reason }],
    ({ server, incident: ended }) => [
      `the server ${server} is done with ${ended}, and says nothing of it until something else is wrong there`,
    ],
    options,
    terminal,
  )

export const printRejoin = (url: string, options: PrintOptions, terminal: Terminal): Promise<number> =>
  printed<Dialled>(
    url,
    ['rejoin', {}],
    ({ dialled }) =>
      dialled.length === 0
        ? ['nobody to dial: all servers that are known are connected']
        : dialled.map((address) => `dialling ${address}`),
    options,
    terminal,
  )
