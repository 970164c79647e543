import { createYjsEngine } from './yjs-shared.mjs'

export const engine = createYjsEngine(2)
