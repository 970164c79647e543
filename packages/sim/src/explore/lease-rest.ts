/** What a state holds beside its nodes and messages. */
export interface Rest {
  faults: number
  writes: number
  /** By holder: 0 when it runs, else 1 and the quanta for which it stood still. */
  still: number[]
  /** Bits of the rounds that counted. */
  counted: number
  isChanged: boolean
  /** Rounds that the deciding quorum of the new roster knew. */
  joined: number
  /** Number of the highest token that the resource has seen. */
  guard: number
}

/** The same in one number. */
export function packRest(rest: Rest): number {
  return (
    rest.faults |
    (rest.writes << 3) |
    ((rest.still[0] as number) << 5) |
    ((rest.still[1] as number) << 8) |
    (rest.counted << 11) |
    (Number(rest.isChanged) << 15) |
    (rest.joined << 16) |
    (rest.guard << 18)
  )
}

export function unpackRest(bits: number): Rest {
  return {
    faults: bits & 7,
    writes: (bits >> 3) & 3,
    still: [(bits >> 5) & 7, (bits >> 8) & 7],
    counted: (bits >> 11) & 15,
    isChanged: ((bits >> 15) & 1) === 1,
    joined: (bits >> 16) & 3,
    guard: bits >> 18,
  }
}
