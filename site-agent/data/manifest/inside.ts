/** @file Paths of a manifest, kept inside its folder whatever they say and wherever links lead. */
import { readdir, realpath } from 'node:fs/promises'
import { dirname, join, posix, sep } from 'node:path'

/** Longest path that Linux opens. */
const MAX_PATH_CHARACTERS = 4096

/**
 * A path in one form: with `/`, no `.` and no empty steps.
 *
 * @returns null when it is no relative path, or leads out by its words alone.
 */
export function plainPath(path: string): string | null {
  // Tables made on Windows have backslashes.
  const slashed = path.replaceAll('\\', '/')
  const bad =
    slashed === '' ||
    slashed.length > MAX_PATH_CHARACTERS ||
    slashed.includes('\0') ||
    slashed.startsWith('/') ||
    /^[a-zA-Z]:/.test(slashed) ||
    slashed.split('/').includes('..')
  return bad ? null : posix.normalize(slashed)
}

/** Tells of plain paths whether links take them out of a folder. Each folder is looked at once, however many files are in it. */
export interface Fence {
  holds(path: string): Promise<boolean>
}

interface Looked {
  readonly inside: boolean
  readonly links: ReadonlySet<string>
}

/** Builds a fence around a folder that is there. What does not exist is inside: reading it fails later, as any missing file. */
export async function createFence(dir: string): Promise<Fence> {
  const root = await realpath(dir)
  const isInside = (real: string): boolean =>
    real === root || real.startsWith(root === sep ? sep : root + sep)
  const leadsInside = (path: string): Promise<boolean> =>
    realpath(path).then(isInside, (error: NodeJS.ErrnoException) => error.code === 'ENOENT')
  const folders = new Map<string, Promise<Looked>>()
  const look = async (folder: string): Promise<Looked> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    return {
      inside: await leadsInside(folder),
      links: new Set(entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => name)),
    }
  }
  return {
    async holds(path) {
      const folder = join(root, dirname(path))
      let looked = folders.get(folder)
      if (looked === undefined) folders.set(folder, (looked = look(folder)))
      const { inside, links } = await looked
      if (!inside || !links.has(posix.basename(path))) return inside
      // A link to nothing may lead out tomorrow.
      return realpath(join(root, path)).then(isInside, () => false)
    },
  }
}
