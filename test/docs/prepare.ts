import ts from 'typescript'

/**
 * The code with every expectation turned into a check. An expectation is a comment `// => value` behind an expression
 * statement, a `console.log(...)` or the declaration of a single name.
 */
export function withChecks(code: string): { code: string; checks: number } {
  const source = ts.createSourceFile('snippet.ts', code, ts.ScriptTarget.ES2023, true)
  const edits: Edit[] = []
  const visit = (node: ts.Node): void => {
    const expected = ts.isStatement(node) ? expectation(code, node) : undefined
    const edit = expected === undefined ? undefined : checkOf(node, source, expected)
    if (edit === undefined) ts.forEachChild(node, visit)
    else edits.push(edit)
  }
  visit(source)
  let result = code
  for (const { start, end, text } of edits.reverse()) result = result.slice(0, start) + text + result.slice(end)
  return { code: result, checks: edits.length }
}

/** What a package offers under a name. */
export interface ExportedName {
  readonly name: string
  readonly isType: boolean
}

/** An import of those `exported` names that the code uses without importing or declaring them. */
export function missingImport(code: string, exported: readonly ExportedName[], specifier: string): string {
  const source = ts.createSourceFile('snippet.ts', code, ts.ScriptTarget.ES2023, true)
  const used = new Set<string>()
  const declared = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) (isDeclaration(node) ? declared : used).add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  const names = exported
    .filter(({ name }) => used.has(name) && !declared.has(name))
    .map(({ name, isType }) => (isType ? `type ${name}` : name))
  return names.length === 0 ? '' : `import { ${names.join(', ')} } from '${specifier}'; `
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

function expectation(code: string, statement: ts.Node): string | undefined {
  const rest = code.slice(statement.getEnd(), lineEnd(code, statement.getEnd()))
  return /^;?\s*\/\/ => (.*\S)\s*$/.exec(rest)?.[1]
}

function checkOf(node: ts.Node, source: ts.SourceFile, expected: string): Edit | undefined {
  const start = node.getStart(source)
  const end = node.getEnd()
  const line = source.getLineAndCharacterOfPosition(start).line
  // What is expected is computed where it stands, so that it may name what the snippet has made.
  const computed = isExpression(expected) ? `, () => (${expected})` : ''
  const check = (value: string): string => `__check(${line}, ${value}, ${JSON.stringify(expected)}${computed});`
  if (ts.isExpressionStatement(node)) return { start, end, text: check(loggedValue(node.expression, source)) }
  if (!ts.isVariableStatement(node)) return undefined
  const [declaration, ...more] = node.declarationList.declarations
  if (declaration === undefined || more.length > 0 || !ts.isIdentifier(declaration.name)) return undefined
  return { start, end, text: `${node.getText(source)}; ${check(declaration.name.text)}` }
}

function loggedValue(expression: ts.Expression, source: ts.SourceFile): string {
  const logs = ts.isCallExpression(expression) && expression.expression.getText(source) === 'console.log'
  if (!logs) return `(${expression.getText(source)})`
  const values = expression.arguments.map((argument) => argument.getText(source))
  return values.length === 1 ? `(${values[0]})` : `[${values.join(', ')}]`
}

function isExpression(text: string): boolean {
  const { diagnostics } = ts.transpileModule(`(${text}\n)`, { reportDiagnostics: true })
  return diagnostics?.length === 0
}

function isDeclaration(name: ts.Identifier): boolean {
  const { parent } = name
  const declares = ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isImportSpecifier(parent)
  if (declares || ts.isFunctionDeclaration(parent) || ts.isBindingElement(parent)) return parent.name === name
  if (ts.isTypeAliasDeclaration(parent) || ts.isInterfaceDeclaration(parent) || ts.isClassDeclaration(parent)) {
    return parent.name === name
  }
  return false
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end === -1 ? text.length : end
}
