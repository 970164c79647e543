/** What a hand writes, in the words of the page and in those of the simulator. */
import type { Write } from '@rejoin/sim'
import type { WriteOp } from '../events.ts'

export function writeOf(op: WriteOp): Write {
  switch (op.leaf) {
    case 'flag':
      return { verb: 'raise', number: 0, text: op.value }
    case 'chest':
      return { verb: op.way === 'add' ? 'stow' : 'take', number: 0, text: op.item }
    case 'tally':
      return { verb: 'count', number: op.by, text: '' }
    case 'log':
      return { verb: 'tell', number: 0, text: op.text }
  }
}

export function opOf(write: Write): WriteOp | undefined {
  switch (write.verb) {
    case 'raise':
      return { leaf: 'flag', value: write.text }
    case 'stow':
      return { leaf: 'chest', item: write.text, way: 'add' }
    case 'take':
      return { leaf: 'chest', item: write.text, way: 'remove' }
    case 'count':
      return { leaf: 'tally', by: write.number }
    case 'tell':
      return { leaf: 'log', text: write.text }
    default:
      return undefined
  }
}
