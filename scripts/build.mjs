// `npm run build`: all packages and the demo.
import { build } from './lib/build.mjs'

if (!build(process.argv.slice(2))) process.exitCode = 1
