import { fencingTokenInvalid } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import {
  compareTokens,
  contentOf,
  fencedItem,
  isFencedValue,
  isFencingToken,
  isRankedValue,
  outranks,
  rankedItem,
  rankOf,
  tokenOf,
} from './graded.ts'
import { leafKinds } from './key.ts'
import {
  addKind,
  byClock,
  type ConflictRule,
  generic,
  type LeafKind,
  type Settled,
  single,
  type Touch,
} from './leaf-kind.ts'
import { concurrentValues } from './read.ts'
import { resolveValues } from './resolver.ts'
import { type Value, valuesEqual } from './value.ts'

function byGrade(difference: number, rule: ConflictRule, ours: Touch, theirs: Touch): Settled {
  return difference === 0 ? byClock(ours, theirs) : { rule, winner: difference > 0 ? 'ours' : 'theirs' }
}

const ranked: LeafKind = {
  ...single((items) => contentOf(rankedItem(items))),
  fits: (_member, value) => isRankedValue(value),
  removable: true,
  grade: (value) => ({ rank: rankOf(value) }),
  settle: (ours, theirs) => byGrade(rankOf(ours.value) - rankOf(theirs.value), 'higher-rank', ours, theirs),
}

const fenced: LeafKind = {
  ...single((items) => contentOf(fencedItem(items))),
  fits: (_member, value) => isFencedValue(value),
  removable: false,
  grade: (value) => ({ token: tokenOf(value) }),
  outranks,
  checkToken: (token) => {
    if (!isFencingToken(token)) throw new RejoinError(fencingTokenInvalid)
  },
  settle: (ours, theirs) => byGrade(compareTokens(ours.value, theirs.value), 'higher-token', ours, theirs),
}

const resolved: LeafKind = {
  ...generic,
  ...single((items, name) => resolveValues(name, concurrentValues(items))),
  settle: (ours, theirs, name) => {
    const result = resolveValues(name, concurrentValues([ours, theirs])) as Value
    const winner = valuesEqual(result, ours.value) ? 'ours' : valuesEqual(result, theirs.value) ? 'theirs' : 'both'
    return { rule: 'resolver', winner }
  },
}

/** Lets ranked registers be read and checked. */
export function addRanked(): void {
  addKind(leafKinds.ranked, ranked)
}

/** Lets fenced registers be read and checked. */
export function addFenced(): void {
  addKind(leafKinds.fenced, fenced)
}

/** Lets resolved registers be read and checked. */
export function addResolved(): void {
  addKind(leafKinds.resolved, resolved)
}
