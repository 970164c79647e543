import { fencingTokenRequired, fencingTokenStale, invalidValue } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { AnyField, FencedField, RankedField, ResolvedField } from './fields.ts'
import { fencedItem, fencedValue, outranks, rankedValue, tokenOf } from './graded.ts'
import { leafKinds } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { type Behaviour, kindOf, LeafDraft, memberOf } from './place.ts'
import { freezeGraded } from './plain-value.ts'
import { concurrentValues, written } from './read.ts'
import type { Row } from './rows.ts'
import type { Transaction } from './transaction.ts'
import { freezeValue, type Value } from './value.ts'
import type { View } from './view.ts'

type Picked = AnyField & { readonly initial: Value }

/** What the drafts of registers with a grade or a resolver share: one entry, read as their kind reads. */
class PickedDraftAt<F extends Picked> extends LeafDraft<F> {
  get(): Value {
    return written(leafKind(this.kind).pick(this.items, this.member), this.field.initial)
  }
}

function readPicked(view: View, node: number, field: Picked): Value {
  return written(leafKind(kindOf(field)).pick(view.items(node, field), memberOf(field)), field.initial)
}

class RankedDraftAt extends PickedDraftAt<RankedField<unknown, string>> {
  set(value: Value, rank: string | number): void {
    const { ranks } = this.field
    const place = ranks === undefined ? rank : ranks.indexOf(String(rank))
    if (!Number.isSafeInteger(place) || (ranks !== undefined && place === -1)) {
      const known = ranks === undefined ? 'a whole number' : `one of ${ranks.join(', ')}`
      throw new RejoinError(invalidValue, { reason: `A rank is ${known}.`, details: { rank: String(rank) } })
    }
    this.transaction.put(this.entry, rankedValue(place as number, freezeGraded(value)))
  }
}

export const rankedBehaviour: Behaviour<RankedField<unknown, string>> = {
  kind: () => leafKinds.ranked,
  draft: (spec, above, name) => new RankedDraftAt(spec, above, name),
  read: readPicked,
}

class FencedDraftAt extends PickedDraftAt<FencedField<unknown>> {
  set(value: Value): void {
    const { transaction } = this
    putFenced(transaction, this.entry, freezeGraded(value))
  }
}

const quoted = (name: string): string => JSON.stringify(name)

/**
 * Writes a fenced register under the token that a change was given for its lease.
 * @throws RejoinError `fencing-token-required` without one, `fencing-token-stale` when a later holder has written.
 */
export function putFenced(transaction: Transaction, entry: Row, value: Value): void {
  const { tree } = transaction.core
  const lease = tree.member(entry)
  const token = transaction.tokens.find((given) => given.lease === lease)
  if (token === undefined) {
    const path = tree.path(tree.nodeOf(entry)).join('/')
    const given = [...new Set(transaction.tokens.map((other) => other.lease))]
    const instead = given.length === 0 ? 'none was given' : `given was that of ${given.map(quoted).join(', ')}`
    const reason = `The fenced field ${quoted(path)} was written without the token of its lease ${quoted(lease)}; ${instead}.`
    throw new RejoinError(fencingTokenRequired, { reason, details: { lease, path, given } })
  }
  const written = fencedValue(token, value)
  const standing = fencedItem(transaction.itemsOf(entry))
  if (standing !== undefined && outranks(standing.value, written)) {
    const seen = tokenOf(standing.value)
    throw new RejoinError(fencingTokenStale, {
      details: { lease, epoch: token.epoch, ballot: token.ballot, seenEpoch: seen.epoch, seenBallot: seen.ballot },
    })
  }
  transaction.put(entry, written)
}

export const fencedBehaviour: Behaviour<FencedField<unknown>> = {
  kind: () => leafKinds.fenced,
  member: ({ lease }) => lease,
  draft: (spec, above, name) => new FencedDraftAt(spec, above, name),
  read: readPicked,
}

class ResolvedDraftAt extends PickedDraftAt<ResolvedField<unknown>> {
  concurrent(): readonly Value[] {
    return concurrentValues(this.items)
  }

  set(value: Value): void {
    const { transaction } = this
    transaction.put(this.entry, freezeValue(value))
  }
}

export const resolvedBehaviour: Behaviour<ResolvedField<unknown>> = {
  kind: () => leafKinds.resolved,
  member: ({ resolver }) => resolver.name,
  draft: (spec, above, name) => new ResolvedDraftAt(spec, above, name),
  read: readPicked,
}
