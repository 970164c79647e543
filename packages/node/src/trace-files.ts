import { mkdir, readdir, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DivergenceEvent, Replica } from '@rejoin/sync'

/** Where traces of divergences are kept, and how much of them. */
export interface TraceOptions {
  /** Made when it is missing, for its owner alone: traces have content of documents. */
  readonly directory: string
  /** Traces kept; the oldest go first. Default 20. */
  readonly files?: number
  /** Bytes of all traces together. Default 4 MiB. */
  readonly bytes?: number
  /** Told what keeps a trace from being written. The replica goes on all the same. Default: nobody is told. */
  readonly onError?: (error: unknown) => void
}

const ours = /^divergence-.*\.jsonl$/

/**
 * Writes the trace of each divergence that a replica raises into a file, for whoever looks into it: three lines of JSON. The
 * directory never holds more than the options say. Returns the way to stop; settles when what was begun is written.
 */
export function saveTraces(replica: Replica, options: TraceOptions): () => Promise<void> {
  let number = 0
  // One after another: bounds hold also when several come at once.
  let last: Promise<void> = Promise.resolve()
  const stop = replica.onDivergence((event) => {
    number += 1
    const name = nameOf(event, `${replica.id}-${number}`)
    last = last.then(() => save(name, event.trace, options)).catch((error: unknown) => options.onError?.(error))
  })
  return () => {
    stop()
    return last
  }
}

async function save(name: string, trace: string, { directory, files = 20, bytes = 4 * 1024 * 1024 }: TraceOptions) {
  const content = Buffer.from(trace, 'utf8')
  if (files < 1 || content.length > bytes) throw new Error(`a trace of ${content.length} bytes where ${bytes} are kept`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await makeRoom(directory, files - 1, bytes - content.length)
  await writeFile(join(directory, name), content, { flag: 'wx', mode: 0o600 })
}

/** Removes the oldest traces until `files` and `bytes` hold. Names begin with the time: their order is that of writing. */
async function makeRoom(directory: string, files: number, bytes: number): Promise<void> {
  const names = (await readdir(directory)).filter((name) => ours.test(name)).sort()
  let kept = 0
  let size = 0
  for (const name of names.reverse()) {
    const path = join(directory, name)
    const found = await stat(path)
    if (kept >= files || size + found.size > bytes) {
      await unlink(path)
      continue
    }
    kept += 1
    size += found.size
  }
}

/** A name that sorts by time. That of the document may be anything: only what is harmless in a file name stays of it. */
function nameOf({ document }: DivergenceEvent, id: string): string {
  const time = new Date().toISOString().replace(/[:.]/g, '-')
  const harmless = document.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 40)
  return `divergence-${time}-${harmless}-${id}.jsonl`
}
