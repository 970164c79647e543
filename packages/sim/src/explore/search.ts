import { createStateSet } from './state-set.ts'

/** What a search goes through: states are `width` whole numbers each, equal where the states are. */
export interface SearchModel {
  readonly width: number
  readonly starts: readonly Int32Array[]
  /**
   * Calls `take` with each state one action away, in the same order each time; what it is given may be overwritten after.
   * `label` is called only for the actions of a trace. `fault` says what the action, or the state it leads to, broke.
   */
  follow(state: Int32Array, take: (next: Int32Array, label: () => string, fault: string | undefined) => void): void
}

export interface SearchBounds {
  /** Actions from a start. */
  readonly depth: number
  /** Distinct states after which it stops. */
  readonly mostStates?: number
}

export interface SearchResult {
  /** Distinct states, each found with as few actions as possible. */
  readonly states: number
  /** Actions looked at. */
  readonly steps: number
  /** How deep every state was followed. */
  readonly depth: number
  /** New states by depth. */
  readonly layers: readonly number[]
  /** The first fault with the actions that led there. */
  readonly broken?: { readonly fault: string; readonly trace: readonly string[] }
}

/** One layer: the states, and of each its parent in the layer above and which of its actions it was. */
interface Layer {
  states: Int32Array
  parents: Uint32Array
  actions: Uint16Array
  count: number
}

/** Breadth first, without chance: every state within the bounds once, so that a fault has a shortest trace. */
export function search(
  model: SearchModel,
  { depth, mostStates = Number.POSITIVE_INFINITY }: SearchBounds,
): SearchResult {
  const { width } = model
  const seen = createStateSet()
  const layers: Layer[] = [newLayer(width)]
  const state = new Int32Array(width)
  let steps = 0
  let broken: SearchResult['broken']
  for (const start of model.starts) if (seen.add(start, 0, width)) push(layers[0] as Layer, width, start, 0, 0)

  const reached = (): SearchResult => ({
    states: seen.size,
    steps,
    depth: layers.length - 1,
    layers: layers.map(({ count }) => count),
    ...(broken === undefined ? {} : { broken }),
  })
  while (layers.length <= depth && seen.size < mostStates) {
    const above = layers.at(-1) as Layer
    if (above.count === 0) break
    const next = newLayer(width)
    for (let parent = 0; parent < above.count && seen.size < mostStates && broken === undefined; parent++) {
      state.set(above.states.subarray(parent * width, (parent + 1) * width))
      let action = 0
      model.follow(state, (found, label, fault) => {
        steps += 1
        if (fault !== undefined && broken === undefined)
          broken = { fault, trace: [...traceTo(model, layers, parent), label()] }
        if (seen.add(found, 0, width)) push(next, width, found, parent, action)
        action += 1
      })
    }
    if (broken !== undefined) return reached()
    // Only the trace is needed of it from here on.
    layers.push(next)
    if (layers.length > 2) releaseStates(layers.at(-2) as Layer)
  }
  return reached()
}

function newLayer(width: number): Layer {
  const room = 1024
  return {
    states: new Int32Array(room * width),
    parents: new Uint32Array(room),
    actions: new Uint16Array(room),
    count: 0,
  }
}

function push(layer: Layer, width: number, state: Int32Array, parent: number, action: number): void {
  if (layer.count === layer.parents.length) {
    const { states, parents, actions } = layer
    layer.states = new Int32Array(states.length * 2)
    layer.parents = new Uint32Array(parents.length * 2)
    layer.actions = new Uint16Array(actions.length * 2)
    layer.states.set(states)
    layer.parents.set(parents)
    layer.actions.set(actions)
  }
  layer.states.set(state, layer.count * width)
  layer.parents[layer.count] = parent
  layer.actions[layer.count] = action
  layer.count += 1
}

function releaseStates(layer: Layer): void {
  layer.states = new Int32Array(0)
}

/** The labels of the actions to a state of the last layer, by taking them again from the start. */
function traceTo({ starts, follow }: SearchModel, layers: readonly Layer[], index: number): string[] {
  const path: number[] = []
  let at = index
  for (let depth = layers.length - 1; depth > 0; depth--) {
    const layer = layers[depth] as Layer
    path.unshift(layer.actions[at] as number)
    at = layer.parents[at] as number
  }
  const trace: string[] = [`start ${at}`]
  let state: Int32Array = Int32Array.from(starts[at] as Int32Array)
  for (const wanted of path) {
    let action = 0
    let found: Int32Array | undefined
    follow(state, (next, label) => {
      if (action === wanted) {
        found = Int32Array.from(next)
        trace.push(label())
      }
      action += 1
    })
    state = found ?? state
  }
  return trace
}
