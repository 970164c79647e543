// An installed program that tests need. Nothing is downloaded.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * The path that the environment variable `variable` chooses, else the first of `names` on the PATH, else the first of `places` that can
 * be run; `undefined` when there is none. A choice that cannot be run is a mistake, not an absence.
 * @param {{
 *   readonly env: Record<string, string | undefined>
 *   readonly variable: string
 *   readonly names: readonly string[]
 *   readonly places: readonly string[]
 * }} wanted
 * @returns {string | undefined}
 * @throws when the variable names something that cannot be run
 */
export function findProgram({ env, variable, names, places }) {
  const chosen = env[variable]
  if (chosen !== undefined && chosen !== '') {
    if (!isExecutable(chosen)) throw new Error(`${variable} is set to ${chosen}, which cannot be run`)
    return chosen
  }
  const onPath = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => names.map((name) => join(folder, name)))
  return [...onPath, ...places].find(isExecutable)
}

/**
 * Whether a missing program is a failure here: in CI, or when `variable` asks for it with 1.
 * @param {Record<string, string | undefined>} env
 * @param {string} variable
 */
export function isRequired(env, variable) {
  return env[variable] === '1' || (env['CI'] !== undefined && env['CI'] !== '' && env['CI'] !== 'false')
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
