// Writes one row after another and says before and after each, on a descriptor of its own that nothing buffers.
// Usage: node lmdb-writer.mjs DIRECTORY COUNT [PREFIX] [storage|hasty|no-sync] [ROW_BYTES]
import { writeSync } from 'node:fs'
import { lmdb } from '@rejoin/node'
import { open } from 'lmdb'

const [directory, count, prefix = 'row', mode = 'storage', rowBytes = '1000'] = process.argv.slice(2)
const bytes = new Uint8Array(Number(rowBytes)).fill(7)
const { write, close } = mode === 'no-sync' ? withoutSync() : storage()

for (let index = 0; index < Number(count); index++) {
  writeSync(1, `BEFORE ${index}\n`)
  try {
    await write(`${prefix}/${String(index).padStart(6, '0')}`)
  } catch (error) {
    writeSync(1, `REFUSED ${error.code}\n`)
    break
  }
  writeSync(1, `AFTER ${index}\n`)
}
await close()

function storage() {
  const store = lmdb(directory)
  return {
    write: (key) => {
      const written = store.write([{ kind: 'put', key, bytes }])
      // The mutant does not wait for the answer.
      return mode === 'hasty' ? undefined : written
    },
    close: () => store.close(),
  }
}

/** The same file by a mutant that never flushes. */
function withoutSync() {
  const database = open({ path: directory, noSubdir: false, encoding: 'binary', noSync: true })
  return { write: (key) => database.put(key, bytes), close: () => database.close() }
}
