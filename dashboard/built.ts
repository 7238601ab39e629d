/**
 * @file The folder with a page's static files. In a checkout they are built when they are missing or older than their sources; where vite is not
 * installed (a container, an offline bundle) they must have been built before.
 */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TesseraError } from '@tessera/shared/errors'
import { type Page, viteConfig } from './vite-config.ts'

export type { Page } from './vite-config.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const shared = dirname(fileURLToPath(import.meta.resolve('@tessera/shared/errors')))
/** What a page may be made of: this package, and all of shared that runs in a browser. */
const SOURCES = [here, join(shared, 'dashboard'), join(shared, 'metrics')]
/** Beside the page's files; says of which sources they are. */
const STAMP = 'sources.txt'

/**
 * Gives the folder of a page, built if need be.
 * @param options.dist Where built pages are kept.
 * @throws {TesseraError} ERR_DASHBOARD_UNBUILT when there are no built files and nothing to build them with.
 */
export async function builtPage(page: Page, { dist = join(here, 'dist') } = {}): Promise<string> {
  const folder = join(dist, page)
  const sources = await hashOfSources()
  if ((await stampOf(folder)) === sources) return folder
  const vite = await import('vite').catch(() => null)
  if (vite === null) {
    if (existsSync(join(folder, 'index.html'))) return folder
    throw new TesseraError(
      'ERR_DASHBOARD_UNBUILT',
      `the dashboard's page must be built where vite is installed, got no built ${page} page`,
    )
  }
  const fresh = join(dist, `.${page}-${randomUUID()}`)
  try {
    await vite.build(viteConfig(page, fresh))
    await writeFile(join(fresh, STAMP), sources)
    await swap(fresh, folder)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return folder
}

/** Puts a built page in its place. Two programs may build at once: the second to come finds the first one's files, which are the same. */
async function swap(fresh: string, folder: string): Promise<void> {
  const old = `${fresh}-old`
  await mkdir(dirname(folder), { recursive: true })
  try {
    if (existsSync(folder)) await rename(folder, old)
    await rename(fresh, folder)
  } catch (error) {
    if ((await stampOf(folder)) === null) throw error
  } finally {
    await rm(old, { recursive: true, force: true })
  }
}

async function stampOf(folder: string): Promise<string | null> {
  return await readFile(join(folder, STAMP), 'utf8').catch(() => null)
}

/** Of names and contents; time stamps say nothing after a checkout. */
async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of SOURCES) {
    const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
    const files = names
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !/[\\/](dist|node_modules)[\\/]/.test(file.slice(folder.length - 1)))
      .toSorted()
    for (const file of files) {
      const content = await readFile(file)
      hash.update(`${file.slice(folder.length)} ${content.byteLength}\n`).update(content)
    }
  }
  return hash.digest('hex')
}
