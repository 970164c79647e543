// Who imports whom (docs/architecture.md, "Layers"). The optional prefix lets the same rules judge the planted
// violations in scripts/fixtures/layers, which scripts/check-layers.mjs expects to see refused.
const planted = '(?:scripts/fixtures/layers/)?'
const source = (name) => `^${planted}packages/${name}/src/`
const tests = ['[.]test[.]tsx?$', '[.]test-d[.]ts$', '[.]test-helper[.]ts$']

const mayImport = {
  state: [],
  sync: ['state'],
  sim: ['state', 'sync'],
  web: ['state', 'sync'],
  node: ['state', 'sync'],
  server: ['state', 'sync', 'node'],
  rejoin: ['state', 'sync', 'web', 'node'],
}

const layers = Object.entries(mayImport).map(([name, allowed]) => ({
  name: `layer-${name}`,
  severity: 'error',
  comment: `${name} may import ${allowed.length === 0 ? 'no other package of ours' : `only ${allowed.join(', ')}`}`,
  from: { path: source(name), pathNot: tests },
  to: {
    path: '^(?:packages|apps|examples|test|bench)/',
    pathNot: ['/node_modules/', ...[name, ...allowed].map(source)],
  },
}))

const pure = '(?:state|sync|sim)'

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layers,
    {
      name: 'pure-no-platform',
      severity: 'error',
      comment: 'state, sync and sim run unchanged in a page, in a process and in the simulator',
      from: { path: source(pure), pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-no-packages',
      severity: 'error',
      comment: 'state, sync and sim depend on nothing that is not ours',
      from: { path: source(pure), pathNot: tests },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg'] },
    },
    {
      name: 'page-no-process',
      severity: 'error',
      comment: 'web and the demo run in a browser',
      from: { path: [source('web'), '^apps/demo/src/'], pathNot: tests },
      to: { path: ['^packages/(?:node|server)/'] },
    },
    {
      name: 'page-no-core-modules',
      severity: 'error',
      comment: 'web and the demo run in a browser',
      from: { path: [source('web'), '^apps/demo/src/'], pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'public-entry-only',
      severity: 'error',
      comment: 'one package reaches another through its name, never through a path into its files',
      from: { path: `^${planted}packages/([^/]+)/src/` },
      to: { path: '^packages/[^/]+/src/', pathNot: '^packages/$1/', dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'a cycle of values has no order in which it can be read or loaded; types may refer to each other',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'an import that cannot be resolved escapes every other rule',
      from: {},
      to: { couldNotResolve: true, pathNot: '^virtual:' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['/dist/', '/node_modules/[.]'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.test.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'node', 'default'] },
  },
}
