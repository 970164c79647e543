import { relative } from 'node:path'
import ts from 'typescript'
import type { ExportedName } from './prepare.ts'

/** Type-checks files with the settings of the tests, and returns what is wrong as `{ file, line, message }`. */
export function typeErrors(root: string, files: readonly string[]): { file: string; line: number; message: string }[] {
  const program = createProgram(root, files)
  // File by file: what these import is not checked as well, which would take most of the time.
  const ofFiles = files.flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
  return ofFiles.map(({ file, start, messageText }) => ({
    file: file === undefined ? '' : relative(root, file.fileName),
    line: file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line,
    message: ts.flattenDiagnosticMessageText(messageText, '\n'),
  }))
}

/** All names, types included, that each of these modules exports. */
export function exportedNames(root: string, files: readonly string[]): Map<string, ExportedName[]> {
  const program = createProgram(root, files)
  return new Map(files.map((file) => [file, namesOf(program, file)]))
}

function namesOf(program: ts.Program, file: string): ExportedName[] {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source)
  if (module === undefined) return []
  return checker.getExportsOfModule(module).map((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    return { name: symbol.name, isType: (target.flags & ts.SymbolFlags.Value) === 0 }
  })
}

let lastProgram: ts.Program | undefined

/** Parsing the libraries takes most of the time, so what the last program has parsed is used again. */
function createProgram(root: string, rootNames: readonly string[]): ts.Program {
  const options = compilerOptions(root)
  lastProgram = ts.createProgram({ rootNames, options, ...(lastProgram && { oldProgram: lastProgram }) })
  return lastProgram
}

function compilerOptions(root: string): ts.CompilerOptions {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined }
  const parsed = ts.getParsedCommandLineOfConfigFile(`${root}/tsconfig.test.json`, {}, host)
  if (parsed === undefined) throw new Error('tsconfig.test.json cannot be read')
  return { ...parsed.options, noUnusedLocals: false, noUnusedParameters: false, skipLibCheck: true }
}
