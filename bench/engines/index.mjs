/** The engines in the order of the report; ours first. */
export const engineNames = ['rejoin', 'yjs', 'yjs-v2', 'ykeyvalue', 'automerge', 'loro', 'tinybase', 'json-joy']

/** What needs no loading of the engine itself: the npm packages whose versions the report names, and what to know of it. */
export const engineFacts = {
  rejoin: { packages: [], wasm: false },
  yjs: { packages: ['yjs', 'y-protocols'], wasm: false },
  'yjs-v2': { packages: ['yjs', 'y-protocols'], wasm: false },
  ykeyvalue: { packages: ['y-utility', 'yjs'], wasm: false },
  automerge: { packages: ['@automerge/automerge'], wasm: true },
  loro: { packages: ['loro-crdt'], wasm: true },
  tinybase: { packages: ['tinybase'], wasm: false },
  'json-joy': { packages: ['json-joy'], wasm: false, without: { w5: 'it has no sync' } },
}

/** The adapter of one engine: an object with a part for each workload. */
export async function loadEngine(name) {
  const { engine } = await import(`./${name}.mjs`)
  return engine
}
