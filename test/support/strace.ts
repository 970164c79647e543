import { spawnSync } from 'node:child_process'

/** One call to the kernel. `began` and `ended` are line numbers of the trace: the order in which things happened. */
export interface SystemCall {
  readonly pid: number
  readonly name: string
  readonly args: string
  readonly result: string
  readonly began: number
  readonly ended: number
}

const traced =
  'openat,close,write,writev,pwrite64,pwritev,pwritev2,ftruncate,fsync,fdatasync,msync,sync_file_range,sendto,sendmsg'

/** The words to put before a command, so that its calls (of all threads and children) land in `file`. */
export function underStrace(file: string): string[] {
  return ['strace', '-f', '-qq', '-s', '64', '-e', `trace=${traced}`, '-e', 'signal=none', '-o', file, '--']
}

/** Whether strace is installed and allowed to trace here. Says in one line when not. */
export function hasStrace(): boolean {
  const { status } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true'])
  if (status === 0) return true
  console.info('tests under strace left out: strace is not installed, or may not trace here (apt-get install strace)')
  return false
}

/** Reads the output of strace; joins calls that were interrupted by those of other threads. */
export function parseStrace(text: string): SystemCall[] {
  const calls: SystemCall[] = []
  const unfinished = new Map<string, { args: string; began: number }>()
  for (const [line, content] of text.split('\n').entries()) {
    const whole = /^(\d+)\s+(\w+)\((.*)\)\s+= (.*)$/.exec(content)
    const start = /^(\d+)\s+(\w+)\((.*?)\s*<unfinished \.\.\.>$/.exec(content)
    const end = /^(\d+)\s+<\.\.\. (\w+) resumed>(.*)\)\s+= (.*)$/.exec(content)
    if (start !== null) unfinished.set(`${start[1]} ${start[2]}`, { args: start[3] ?? '', began: line })
    else if (end !== null) {
      const [, pid = '', name = '', rest = '', result = ''] = end
      const begun = unfinished.get(`${pid} ${name}`) ?? { args: '', began: line }
      unfinished.delete(`${pid} ${name}`)
      calls.push({ pid: Number(pid), name, args: begun.args + rest, result, began: begun.began, ended: line })
    } else if (whole !== null) {
      const [, pid = '', name = '', args = '', result = ''] = whole
      calls.push({ pid: Number(pid), name, args, result, began: line, ended: line })
    }
  }
  return calls.sort((left, right) => left.ended - right.ended)
}

/** What a trace says about one file up to some moment. */
export interface Durability {
  /** Writes to the file since `from`. */
  readonly writes: number
  /** Those that no sync had finished for, and that did not go through a descriptor that syncs by itself. */
  readonly volatile: readonly SystemCall[]
}

/**
 * Looks at the writes to files whose path ends in `path` that ended between the lines `from` and `until`: each must go
 * through a descriptor opened with O_SYNC or O_DSYNC, or be followed by a sync that began after it and ended before
 * `until`. Threads of one process share descriptors; children of the traced command that open the file are not told apart.
 */
export function durabilityOf(calls: readonly SystemCall[], path: string, from: number, until: number): Durability {
  const descriptors = new Map<string, { synced: boolean }>()
  let pending: SystemCall[] = []
  let writes = 0
  for (const call of calls) {
    if (call.ended >= until) break
    const target = call.args.split(',')[0]?.trim() ?? ''
    if (call.name === 'openat') {
      const opened = /"([^"]*)", ([A-Z_|0-9]+)/.exec(call.args)
      if (opened?.[1]?.endsWith(path) && !call.result.startsWith('-')) {
        descriptors.set(call.result.trim(), { synced: /O_D?SYNC/.test(opened[2] ?? '') })
      }
    } else if (call.name === 'close') descriptors.delete(target)
    else if (/^(pwrite|write|pwritev|ftruncate)/.test(call.name)) {
      const descriptor = descriptors.get(target)
      if (descriptor === undefined || call.ended < from) continue
      writes += 1
      if (!descriptor.synced) pending.push(call)
    } else if (/^(fsync|fdatasync)$/.test(call.name) && descriptors.has(target) && call.result.startsWith('0')) {
      pending = pending.filter((write) => write.ended > call.began)
    }
  }
  return { writes, volatile: pending }
}
