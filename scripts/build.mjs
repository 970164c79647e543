// `npm run build`: all packages and the demo.
import { build } from './lib/build.mjs'

if (!build('demo')) process.exitCode = 1
