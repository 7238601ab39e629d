/** @file Unpacks the npm package, once it is known to be exactly the one that was looked at. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { list } from 'tar'
import { archiveRefused, checkEntryName, checkEntrySize } from './archive-entry.ts'

export interface NpmPackage {
  readonly name: string
  readonly version: string
  readonly integrity: string
}

/** What the engine takes its C++ source and its TensorFlow.js back end from. The integrity is the registry's. */
export const NPM_PACKAGE: NpmPackage = {
  name: '@tensorflow/tfjs-node-gpu',
  version: '4.22.0',
  integrity:
    'sha512-p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==',
}

const ROLE = 'npm package'
/** The package has 0.22 MB, 569 files and 1.6 MB unpacked. */
const MAX_TARBALL_BYTES = 5e6
const MAX_FILES = 2000
const MAX_UNPACKED_BYTES = 20e6

/**
 * Unpacks a tarball; its own top folder, `package/`, comes to lie in `folder`.
 * @throws {TesseraError} ERR_ENGINE_ARCHIVE if it has another hash, or holds what it must not.
 */
export async function unpackPackage(
  tarball: string,
  folder: string,
  { integrity }: NpmPackage,
): Promise<void> {
  checkEntrySize(ROLE, (await stat(tarball)).size, MAX_TARBALL_BYTES)
  const got = `sha512-${createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64')}`
  if (got !== integrity) throw archiveRefused(ROLE, `have integrity ${integrity}`, got)
  const files = await readEntries(tarball)
  for (const [name, content] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
}

async function readEntries(tarball: string): Promise<Map<string, Buffer>> {
  const pending: Promise<[string, Buffer]>[] = []
  let bytes = 0
  let fault: unknown
  const check = (name: string, type: string, size: number): void => {
    checkEntryName(ROLE, name)
    if (type !== 'File') throw archiveRefused(ROLE, 'hold only files', type)
    bytes += size
    checkEntrySize(ROLE, bytes, MAX_UNPACKED_BYTES)
    if (pending.length >= MAX_FILES) throw archiveRefused(ROLE, `hold at most ${MAX_FILES} files`, 'more')
  }
  await list({
    file: tarball,
    strict: true,
    onReadEntry: (entry) => {
      try {
        if (fault === undefined && entry.type !== 'Directory') {
          check(entry.path, entry.type, entry.size)
          pending.push(entry.concat().then((content) => [entry.path, content]))
          return
        }
      } catch (thrown) {
        fault = thrown
      }
      entry.resume()
    },
  }).catch((cause: unknown) => {
    throw archiveRefused(ROLE, 'be a readable tarball', 'one that is damaged', cause)
  })
  if (fault !== undefined) throw fault
  return new Map(await Promise.all(pending))
}
