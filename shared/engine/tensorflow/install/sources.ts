/** @file The C++ sources that the engine is built from. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Our own C++ sources. */
const NATIVE_FOLDER: string = fileURLToPath(new URL('../native/', import.meta.url))

/** The program that `tessera doctor` measures the processor with. */
export const PROBE_SOURCE: string = fileURLToPath(new URL('../../doctor/probe.cc', import.meta.url))

const QUIET_SOURCE = 'quiet.cc'

export interface OwnSources {
  /** Absolute paths of the *.cc of our addon, sorted. */
  readonly native: readonly string[]
  /** The addon that loads the library quietly, of one file. */
  readonly quiet: string
  readonly probe: string
  /** Over names and contents of all *.cc and *.h: a change of any wants a new build. */
  readonly sha256: string
}

/** Our C++ sources. */
export async function readSources(
  folder: string = NATIVE_FOLDER,
  probe: string = PROBE_SOURCE,
): Promise<OwnSources> {
  const names = await namesIn(folder)
  const hash = createHash('sha256')
  const hashed = names.filter((name) => /\.(cc|h)$/.test(name)).map((name) => join(folder, name))
  for (const file of [...hashed, probe]) {
    const content = await readFile(file)
    hash.update(`${basename(file)} ${content.length}\n`).update(content)
  }
  const quiet = join(folder, QUIET_SOURCE)
  const native = sourcesAmong(folder, names).filter((file) => file !== quiet)
  return { native, quiet, probe, sha256: hash.digest('hex') }
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
