import { memoryStorage } from '@rejoin/sync'
import { expect, it } from 'vitest'
import { socketsOf } from './peers.ts'
import { checkedSettings } from './settings.ts'

it('[SV26] a server that joins over encrypted addresses only learns no others', () => {
  const told = (join: string[], address: string): string | undefined =>
    socketsOf(checkedSettings({ storage: memoryStorage(), join }), undefined).addressOf(address, 'wss://a.example/sync')
  const plain = 'ws://b.example/sync'
  expect(told(['wss://a.example'], plain)).toBe(undefined)
  expect(told(['wss://a.example'], 'wss://b.example/sync')).toBe('wss://b.example/sync')
  expect(told(['wss://a.example', 'ws://c.example'], plain)).toBe(plain)
  expect(told([], plain)).toBe(plain)
})
