import type { MapField, Shape } from './fields.ts'
import { leafKinds } from './key.ts'
import { checkMapKey, mostKeyLength } from './limits.ts'
import { type Behaviour, Place, Spec } from './place.ts'
import type { Row } from './rows.ts'

/** The specs of the entries of maps, by those of the maps. */
const entrySpecs = new WeakMap<Spec, Spec>()

function entrySpec(map: Spec): Spec {
  let spec = entrySpecs.get(map)
  if (spec === undefined) {
    spec = new Spec(map.store, (map.field as MapField<Shape>).entry, false, 0)
    entrySpecs.set(map, spec)
  }
  return spec
}

class MapDraftAt extends Place {
  readonly #entry: Spec
  /** Characters that a key may have, found out once. */
  #most = -1

  constructor(spec: Spec, above: Place | undefined, name: string) {
    super(spec, above, name)
    this.#entry = entrySpec(spec)
  }

  get(key: string): object {
    this.#check(key)
    return this.#entry.make(this, key)
  }

  has(key: string): boolean {
    const { transaction } = this.spec
    const node = this.#find(key)
    return node !== 0 && transaction.isPresent(node)
  }

  add(key: string): void {
    const { transaction, tree } = this.spec
    this.#check(key)
    transaction.put(tree.entry(tree.child(this.made(), key), leafKinds.entry, ''), null)
  }

  delete(key: string): boolean {
    const { transaction } = this.spec
    const node = this.#find(key)
    if (node === 0 || !transaction.isPresent(node)) return false
    transaction.removeEntry(node)
    return true
  }

  keys(): readonly string[] {
    const { transaction, tree } = this.spec
    const node = this.found()
    const present = node === 0 ? [] : tree.children(node).filter((child) => transaction.isPresent(child))
    return present.map((child) => tree.name(child)).sort()
  }

  #find(key: string): Row {
    const node = this.found()
    return node === 0 ? 0 : this.spec.tree.findChild(node, key)
  }

  #check(key: string): void {
    if (this.#most < 0) this.#most = mostKeyLength(this.path)
    if (typeof key !== 'string' || key.length > this.#most) checkMapKey(this.path, key)
  }
}

export const mapBehaviour: Behaviour<MapField<Shape>> = {
  kind: () => leafKinds.entry,
  draft: (spec, above, name) => new MapDraftAt(spec, above, name),
  read: (view, node, { entry }) => {
    const { tree } = view
    const map = Object.create(null) as Record<string, unknown>
    const present = node === 0 ? [] : tree.children(node).filter((child) => tree.isPresent(child))
    present.sort((a, b) => (tree.name(a) < tree.name(b) ? -1 : 1))
    for (const child of present) map[tree.name(child)] = view.at(child, entry)
    return Object.freeze(map)
  },
}
