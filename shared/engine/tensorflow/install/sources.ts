/** @file The C++ sources that become the addon. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Our own C++ sources. */
export const NATIVE_FOLDER: string = fileURLToPath(new URL('../native/', import.meta.url))

export interface NativeSources {
  /** Absolute paths of our *.cc, sorted. */
  readonly files: readonly string[]
  /** Over names and contents of our *.cc and *.h: a change of either wants a new addon. */
  readonly sha256: string
}

/** Our C++ sources in a folder; none when there is no such folder. */
export async function readSources(folder: string = NATIVE_FOLDER): Promise<NativeSources> {
  const names = await namesIn(folder)
  const hash = createHash('sha256')
  for (const name of names.filter((one) => /\.(cc|h)$/.test(one))) {
    const content = await readFile(join(folder, name))
    hash.update(`${name} ${content.length}\n`).update(content)
  }
  return { files: sourcesAmong(folder, names), sha256: hash.digest('hex') }
}

/** The npm package's C++ sources, `binding/*.cc`. */
export async function packageSources(packageFolder: string): Promise<string[]> {
  const folder = join(packageFolder, 'binding')
  return sourcesAmong(folder, await namesIn(folder))
}

function sourcesAmong(folder: string, names: readonly string[]): string[] {
  return names.filter((name) => name.endsWith('.cc')).map((name) => join(folder, name))
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = await readdir(folder).catch(() => [])
  return names.toSorted((a, b) => (a < b ? -1 : 1))
}
