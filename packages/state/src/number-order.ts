/** Numbers in their order, and the place that each had: filled by `orderNumbers`, and used before it is called again. */
export const ordered: { numbers: Uint32Array; places: Uint32Array } = {
  numbers: new Uint32Array(256),
  places: new Uint32Array(256),
}

let spareNumbers: Uint32Array = new Uint32Array(256)
let sparePlaces: Uint32Array = new Uint32Array(256)
const mostDigitBits = 8
const ends = new Uint32Array(1 << mostDigitBits)
/** Up to here numbers are put in where they belong one by one. */
const few = 12

/**
 * Orders the first `count` of some 32-bit numbers, digit by digit: for what one change names that takes a fifth of what the
 * sort of the engine takes, to which each call is long. Equal numbers keep their order.
 */
export function orderNumbers(from: ArrayLike<number>, count: number): void {
  if (count > ordered.numbers.length) {
    const room = 2 ** Math.ceil(Math.log2(count))
    ordered.numbers = new Uint32Array(room)
    ordered.places = new Uint32Array(room)
    spareNumbers = new Uint32Array(room)
    sparePlaces = new Uint32Array(room)
  }
  if (count > few) orderByDigits(from, count)
  else insertAll(from, count)
}

function insertAll(from: ArrayLike<number>, count: number): void {
  const { numbers, places } = ordered
  for (let place = 0; place < count; place++) {
    const number = from[place] as number
    let at = place
    for (; at > 0 && (numbers[at - 1] as number) > number; at--) {
      numbers[at] = numbers[at - 1] as number
      places[at] = places[at - 1] as number
    }
    numbers[at] = number
    places[at] = place
  }
}

function orderByDigits(from: ArrayLike<number>, count: number): void {
  const { numbers, places } = ordered
  let greatest = 0
  for (let i = 0; i < count; i++) {
    const number = from[i] as number
    if (number > greatest) greatest = number
    numbers[i] = number
    places[i] = i
  }
  const bits = 32 - Math.clz32(greatest)
  const digits = Math.ceil(bits / mostDigitBits)
  const digitBits = Math.ceil(bits / digits)
  for (let shift = 0; shift < bits; shift += digitBits) orderByDigit(count, shift, 1 << digitBits)
}

function orderByDigit(count: number, shift: number, base: number): void {
  const { numbers, places } = ordered
  const mask = base - 1
  for (let i = 0; i < base; i++) ends[i] = 0
  for (let i = 0; i < count; i++) {
    const digit = ((numbers[i] as number) >>> shift) & mask
    ends[digit] = (ends[digit] as number) + 1
  }
  for (let i = 1; i < base; i++) ends[i] = (ends[i] as number) + (ends[i - 1] as number)
  for (let i = count - 1; i >= 0; i--) {
    const number = numbers[i] as number
    const digit = (number >>> shift) & mask
    const at = (ends[digit] as number) - 1
    ends[digit] = at
    spareNumbers[at] = number
    sparePlaces[at] = places[i] as number
  }
  ordered.numbers = spareNumbers
  ordered.places = sparePlaces
  spareNumbers = numbers
  sparePlaces = places
}
