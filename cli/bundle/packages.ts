/** @file Which installed packages a program needs to run: what its workspaces depend on, and what that depends on. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/**
 * Gives the folders of packages under `root`, relative to it and sorted, for these workspaces. Of optional ones and of peers those that are there: prebuilt
 * code is an optional package for each platform, of which npm has installed this machine's.
 * @param isOurs Packages that are workspaces: not followed, they are named in `workspaces` or not wanted.
 * @throws {TesseraError} ERR_USAGE if one is not installed.
 */
export function neededPackages(
  root: string,
  workspaces: readonly string[],
  isOurs: (name: string) => boolean,
): string[] {
  const found = new Set<string>()
  const follow = (folder: string): void => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifest
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      if (isOurs(name)) continue
      const place = installed(name, folder, root)
      if (place === null) {
        // npm lists an optional package under both.
        if (!(name in dependencies) || name in optionalDependencies) continue
        throw new TesseraError('ERR_USAGE', `packages must be installed (npm ci), got no ${name}`)
      }
      if (found.has(place)) continue
      found.add(place)
      follow(place)
    }
  }
  for (const workspace of workspaces) follow(join(root, workspace))
  return [...found].map((folder) => relative(root, folder)).toSorted()
}

/** Where Node would find a package from a folder, not looking beyond `root`. */
function installed(name: string, from: string, root: string): string | null {
  for (let folder = from; folder.startsWith(root); folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name)
    if (existsSync(join(place, 'package.json'))) return place
  }
  return null
}
