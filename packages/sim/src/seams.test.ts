import { runStorageContract, runTransportContract } from '@rejoin/sync/contracts'
import { describe, expect, it } from 'vitest'
import { createDisk } from './disk.ts'
import { createSea } from './links.ts'
import { createRandom } from './random.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'

/** Lets virtual time run on while a test awaits. */
function pump(scheduler: Scheduler): { settle(): Promise<void>; stop(): void } {
  let running = true
  const turn = (): void => {
    if (!running) return
    for (let i = 0; i < 20 && scheduler.step(); i += 1);
    setImmediate(turn)
  }
  setImmediate(turn)
  return {
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    stop: () => {
      running = false
    },
  }
}

runStorageContract({ describe, it, expect }, 'the simulated disk', () => {
  const scheduler = createScheduler()
  const { settle, stop } = pump(scheduler)
  const trace: string[] = []
  const disk = createDisk(scheduler, createRandom(11, 'disk'), { onFlush: () => trace.push('flush') })
  return {
    open: async () => disk.open(),
    settle,
    trace,
    crash: async () => disk.crash(),
    fail: (code) => {
      disk.setMode(code === 'storage-full' ? 'full' : 'broken')
      return () => disk.setMode('ok')
    },
    dispose: async () => stop(),
  }
})

for (const reliable of [true, false]) {
  runTransportContract({ describe, it, expect }, `the simulated sea, ${reliable ? 'reliable' : 'unreliable'}`, () => {
    const scheduler = createScheduler()
    const { settle, stop } = pump(scheduler)
    const rough = { latencyMs: [5, 40], loss: 0.1, duplicate: 0.1, reorder: 0.2 } as const
    const sea = createSea({ scheduler, random: createRandom(12, 'sea'), quality: rough })
    return {
      left: sea.dialer(0, 1, { reliable }),
      right: sea.listener(1, { reliable }),
      settle,
      cut: () => sea.breakSessions(0, 1),
      nowhere: sea.dialer(0, 2, { reliable }),
      dispose: stop,
    }
  })
}
