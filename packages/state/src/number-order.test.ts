import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ordered, orderNumbers } from './number-order.ts'

describe('orderNumbers', () => {
  it('orders as a sort does, equal numbers by their places', () => {
    const number = fc.oneof(fc.nat(30), fc.nat(5_000), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
    fc.assert(
      fc.property(fc.array(number, { maxLength: 600 }), (numbers) => {
        orderNumbers(numbers, numbers.length)
        const expected = numbers
          .map((found, place) => [found, place])
          .sort(([a = 0, p = 0], [b = 0, q = 0]) => a - b || p - q)
        const found = expected.map((_, at) => [ordered.numbers[at], ordered.places[at]])
        expect(found).toEqual(expected)
      }),
    )
  })
})
