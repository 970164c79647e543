/** The engines in the order of the report; ours first. */
export const engineNames = ['rejoin', 'yjs', 'yjs-v2', 'ykeyvalue', 'automerge', 'loro', 'tinybase', 'json-joy']

/** What needs no loading of the engine itself: the npm packages whose versions the report names, and what to know of it. */
export const engineFacts = {
  rejoin: { packages: [], wasm: false },
  yjs: { packages: ['yjs', 'y-protocols'], wasm: false },
  'yjs-v2': { packages: ['yjs', 'y-protocols'], wasm: false },
  ykeyvalue: {
    packages: ['y-utility', 'yjs'],
    wasm: false,
    without: {
      w8: 'its heal is that of yjs',
      w9: 'each set walks its list',
      w10: 'its list is that of yjs',
      w11: 'its versions are those of yjs',
      w13: 'each removal walks its list',
    },
  },
  automerge: {
    packages: ['@automerge/automerge'],
    wasm: true,
    without: {
      w8: 'a hundred thousand changes take it minutes',
      w9: 'a million keys take it minutes',
      w10: 'its memory is that of WASM',
      w11: 'its changes name what came before, not versions',
      w13: 'a hundred thousand changes take it minutes',
    },
  },
  loro: { packages: ['loro-crdt'], wasm: true },
  tinybase: { packages: ['tinybase'], wasm: false, without: { w11: 'it has no versions of authors' } },
  'json-joy': {
    packages: ['json-joy'],
    wasm: false,
    without: {
      w5: 'it has no sync',
      w8: 'it has no sync',
      w11: 'a session is a model of its own',
      w13: 'it has no sync',
    },
  },
}

/** The adapter of one engine: an object with a part for each workload. */
export async function loadEngine(name) {
  const { engine } = await import(`./${name}.mjs`)
  return engine
}
