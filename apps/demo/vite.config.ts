import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const packages = fileURLToPath(new URL('../../packages/', import.meta.url))

export default defineConfig({
  // Relative addresses, so that the page also works from a folder of a static host.
  base: './',
  // The packages are read from their sources: working on the page needs no build of the engine.
  resolve: {
    alias: ['state', 'sync', 'sim', 'web'].flatMap((name) => [
      { find: new RegExp(`^@rejoin/${name}$`), replacement: `${packages}${name}/src/index.ts` },
      { find: new RegExp(`^@rejoin/${name}/(.+)$`), replacement: `${packages}${name}/src/$1.ts` },
    ]),
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    // A data: address would need a wider policy than `img-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
