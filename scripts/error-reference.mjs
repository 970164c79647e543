// `npm run reference:errors`: writes docs/reference/errors.md from the table of codes; a test says when it is out of date.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { renderErrorReference } from './lib/error-reference.mjs'
import { root } from './lib/steps.mjs'

const source = readFileSync(join(root, 'packages/state/src/error-codes.ts'), 'utf8')
const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 }
const { outputText } = ts.transpileModule(source, { compilerOptions: options })
const { errorCodes } = await import(`data:text/javascript,${encodeURIComponent(outputText)}`)
writeFileSync(join(root, 'docs/reference/errors.md'), renderErrorReference(errorCodes))
console.log(`docs/reference/errors.md: ${Object.keys(errorCodes).length} codes`)
