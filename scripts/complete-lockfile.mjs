// Names in package-lock.json the optional packages of every platform, also where the registry at hand offers only those
// of this one: otherwise `npm ci` refuses the lockfile as incomplete. Run it after a dependency was added.
import { readFileSync, writeFileSync } from 'node:fs'

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']
/** @type {Record<string, string>} */
const aliases = { 64: 'x64', windows: 'win32', armhf: 'arm', armv7l: 'arm' }

/**
 * What a package name says of its platform: `@biomejs/cli-linux-x64-musl` is for linux on x64.
 * @param {string} name
 */
function platformOf(name) {
  const words = name.split(/[/\-_.]/).map((word) => aliases[word] ?? word)
  const os = words.find((word) => systems.includes(word))
  const cpu = words.find((word) => processors.includes(word)) ?? (os === undefined ? undefined : 'x64')
  return { ...(cpu === undefined ? {} : { cpu: [cpu] }), ...(os === undefined ? {} : { os: [os] }) }
}

/**
 * The entry that `name` resolves to from `parent`, as Node looks it up.
 * @param {Record<string, unknown>} packages
 * @param {string} parent
 * @param {string} name
 */
function find(packages, parent, name) {
  for (let at = parent; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const key = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
    if (packages[key] !== undefined) return key
    if (!at.includes('/node_modules/'))
      return packages[`node_modules/${name}`] === undefined ? undefined : `node_modules/${name}`
  }
}

const file = process.argv[2] ?? 'package-lock.json'
/** @type {{ packages: Record<string, any> }} */
const lock = JSON.parse(readFileSync(file, 'utf8'))
let added = 0
for (const [parent, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const platform = platformOf(name)
    if (platform.cpu === undefined || find(lock.packages, parent, name) !== undefined) continue
    const free = lock.packages[`node_modules/${name}`] === undefined
    const key = free ? `node_modules/${name}` : `${parent}/node_modules/${name}`
    const version = range.replace(/^[\^~>=v]+/, '')
    lock.packages[key] = { version, ...platform, ...(entry.dev ? { dev: true } : {}), optional: true }
    added++
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1))
lock.packages = Object.fromEntries(sorted)
if (added > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added} optional packages of other platforms named`)
