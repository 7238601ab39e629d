/** @file Sizes and hashes of what the engine's folder holds. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'

export interface FileFacts {
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
}

/** Files by their path inside a folder, with `/` between its parts. */
export type FileTable = Record<string, FileFacts>

/** Many files as one: their number, their bytes, and a hash over all names and hashes. */
export interface TreeFacts extends FileFacts {
  readonly files: number
}

/** Files up to this size are read at once: for thousands of headers a stream each would take most of the time. */
const SMALL_BYTES = 1 << 20

/** Size and hash of one file. */
export async function hashFile(file: string): Promise<FileFacts> {
  const { size } = await stat(file)
  if (size <= SMALL_BYTES) return factsOf(await readFile(file))
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: SMALL_BYTES }), hash)
  return { bytes: size, sha256: hash.digest('hex') }
}

function factsOf(content: Uint8Array): FileFacts {
  return { bytes: content.byteLength, sha256: createHash('sha256').update(content).digest('hex') }
}

/** Sizes and hashes of all files under a folder; of none when it is not there. */
export async function hashTree(folder: string): Promise<FileTable> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const table: FileTable = {}
  for (const file of files.toSorted()) {
    table[relative(folder, file).split(sep).join('/')] = await hashFile(file)
  }
  return table
}

/** A table as one set of facts: equal exactly when names and contents are. */
export function summariseTree(table: FileTable): TreeFacts {
  const names = Object.keys(table).toSorted()
  const hash = createHash('sha256')
  let bytes = 0
  for (const name of names) {
    const facts = table[name]
    hash.update(`${facts?.sha256} ${name}\n`)
    bytes += facts?.bytes ?? 0
  }
  return { files: names.length, bytes, sha256: hash.digest('hex') }
}
