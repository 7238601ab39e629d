/** @file A coordinator's small files in a backup: its settings, its keys and the secrets of kits, its statements about removed deltas. */
import type { Dirent } from 'node:fs'
import { lstat, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { explained, isMissing, writeDurably } from '@tessera/shared/files'
import { sha256Hex } from '@tessera/shared/security'
import { broken, SETTINGS_FILE, SIDE_FOLDERS, type SideFile } from './backup-file.ts'

/** Copies them; what an earlier backup in the same folder had more goes: a kit's secret that was used must not come back. */
export async function copySideFiles(from: string, to: string): Promise<SideFile[]> {
  const files: SideFile[] = []
  for (const path of await pathsIn(from)) {
    const content = await readFile(join(from, path)).catch((cause: unknown) => {
      // A kit was used meanwhile.
      if (isMissing(cause)) return null
      throw cause
    })
    if (content === null) continue
    await writeDurably(join(to, path), content)
    files.push({ path, bytes: content.byteLength, sha256: sha256Hex(content) })
  }
  const listed = new Set(files.map(({ path }) => path))
  for (const path of await pathsIn(to)) {
    if (!listed.has(path)) await explained(() => rm(join(to, path), { force: true }))
  }
  return files
}

/** Reads a listed file of a backup. @throws {TesseraError} ERR_BACKUP_BROKEN if it is not the listed one. */
export async function readSideFile(backup: string, { path, bytes, sha256 }: SideFile): Promise<Buffer> {
  const file = join(backup, path)
  // A backup has files only: behind a link, or a pipe that never ends, may be anything of this machine.
  const found = await lstat(file).catch((cause: unknown) => {
    throw broken(path, 'none', cause)
  })
  if (!found.isFile()) throw broken(path, 'no file')
  // Before it is read: a list can be any size, and so can a file.
  if (found.size !== bytes) throw broken(path, `${found.size} bytes`)
  const content = await readFile(file)
  if (sha256Hex(content) !== sha256) throw broken(path, 'other bytes')
  return content
}

/** Two levels: `keys/kits/` is the deepest there is. */
async function pathsIn(dir: string): Promise<string[]> {
  const paths: string[] = []
  const look = async (path: string): Promise<void> => {
    const entries = await readdir(join(dir, path), { withFileTypes: true }).catch((cause: unknown) => {
      if (isMissing(cause)) return []
      throw cause
    })
    for (const entry of entries) {
      const below = `${path}/${entry.name}`
      if (entry.isDirectory()) await look(below)
      else if ((await isFile(join(dir, below), entry)) && !entry.name.startsWith('.')) paths.push(below)
    }
  }
  for (const folder of SIDE_FOLDERS) await look(folder)
  const settings = await readdir(dir).then((names) => names.filter((name) => name === SETTINGS_FILE))
  return [...settings, ...paths.toSorted()]
}

/** Also behind a link: a key may lie on another volume, and a backup without it would be none. */
async function isFile(path: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile()
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
