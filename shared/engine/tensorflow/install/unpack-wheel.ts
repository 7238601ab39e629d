/** @file Takes TensorFlow's libraries and C++ headers out of a wheel, one file at a time, and checks them against the wheel's own record. */
import { createHash } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { TesseraError } from '../../../errors.ts'
import { INCLUDE_FOLDER, LIBRARY_FOLDER } from '../folder.ts'
import { archiveRefused, checkEntryName, checkEntrySize } from './archive-entry.ts'
import type { FileFacts } from './hash.ts'

const ROLE = 'wheel'
/** TensorFlow's wheels have 16 000 entries. */
const MAX_ENTRIES = 100_000
/** Of what is taken from one wheel: 0.95 GB of TensorFlow for processors, 2 GB of the largest CUDA library. */
const MAX_TAKEN_BYTES = 6e9
/** Of the record, which is held in memory: TensorFlow's has 1.7 MB. */
const MAX_RECORD_BYTES = 20e6

const HEADERS = 'tensorflow/include/'
/** Headers of other projects and of the graph compiler: half of all, and nothing that an op includes. */
const NOT_TAKEN = /^(external|tensorflow\/compiler|tensorflow\/lite)\//
const HEADER_NAME = /(\.h|\.hpp|\.inc|\/[^./]+)$/

/**
 * Where an entry of a wheel goes in the engine's folder; null when it stays behind.
 * @param libraries TensorFlow's libraries. Those of CUDA lie in wheels of their own, `nvidia/NAME/lib/`.
 */
export function placeOf(name: string, libraries: readonly string[]): string | null {
  if (libraries.some((library) => name === `tensorflow/${library}`))
    return `${LIBRARY_FOLDER}/${basename(name)}`
  if (/^nvidia\/[^/]+\/lib\/[^/]+\.so[.0-9]*$/.test(name)) return `${LIBRARY_FOLDER}/${basename(name)}`
  if (!name.startsWith(HEADERS)) return null
  const header = name.slice(HEADERS.length)
  return HEADER_NAME.test(`/${header}`) && !NOT_TAKEN.test(header) ? `${INCLUDE_FOLDER}/${header}` : null
}

export interface WheelOptions {
  readonly libraries: readonly string[]
  readonly signal: AbortSignal
  /** Called as it goes on with 0 to 1. */
  readonly onProgress: (done: number) => void
}

/**
 * Unpacks into `folder` what {@link placeOf} takes.
 * @returns Size and hash of each file by its path inside `folder`.
 * @throws {TesseraError} ERR_ENGINE_ARCHIVE if the wheel is damaged, holds names outside its folder, or more than it may.
 */
export async function unpackWheel(
  wheel: string,
  folder: string,
  { libraries, signal, onProgress }: WheelOptions,
): Promise<Map<string, FileFacts>> {
  const zip = await openPromise(wheel, { lazyEntries: true, autoClose: false, strictFileNames: true }).catch(
    (cause: unknown) => {
      throw damaged(cause)
    },
  )
  try {
    const entries = await readEntries(zip)
    const total = entries.reduce(
      (sum, { entry, place }) => sum + (place === null ? 0 : entry.uncompressedSize),
      0,
    )
    checkEntrySize(ROLE, total, MAX_TAKEN_BYTES)
    const recorded = await readRecord(
      zip,
      entries.map(({ entry }) => entry),
    )
    const written = new Map<string, FileFacts>()
    let done = 0
    for (const { entry, place } of entries) {
      if (place === null) continue
      const facts = await writeEntry(zip, entry, join(folder, place), signal, (bytes) => {
        done += bytes
        onProgress(total === 0 ? 1 : done / total)
      })
      if (recorded.get(entry.fileName) !== facts.sha256)
        throw archiveRefused(ROLE, `hold ${entry.fileName} as its record says`, 'another hash')
      written.set(place, facts)
    }
    return written
  } catch (thrown) {
    throw thrown instanceof TesseraError || isAbort(thrown) ? thrown : damaged(thrown)
  } finally {
    zip.close()
  }

  async function readEntries(file: ZipFile): Promise<{ entry: Entry; place: string | null }[]> {
    if (file.entryCount > MAX_ENTRIES)
      throw archiveRefused(ROLE, `hold at most ${MAX_ENTRIES} files`, String(file.entryCount))
    const all: { entry: Entry; place: string | null }[] = []
    for await (const entry of file.eachEntry()) {
      checkEntryName(ROLE, entry.fileName)
      const place = placeOf(entry.fileName, libraries)
      // The upper half of the attributes is the mode of Unix; a link would lead out of the folder.
      const kind = (entry.externalFileAttributes >>> 16) & 0o170000
      if (place !== null && kind !== 0 && kind !== 0o100000)
        throw archiveRefused(ROLE, 'hold only files', `mode ${kind.toString(8)}`)
      all.push({ entry, place })
    }
    return all
  }
}

/** Hexadecimal SHA-256 by name, from `*.dist-info/RECORD`: `name,sha256=<base64url>,size`. */
async function readRecord(zip: ZipFile, entries: readonly Entry[]): Promise<Map<string, string>> {
  const record = entries.find((entry) => /^[^/]+\.dist-info\/RECORD$/.test(entry.fileName))
  if (record === undefined) throw archiveRefused(ROLE, 'hold a RECORD', 'none')
  checkEntrySize(ROLE, record.uncompressedSize, MAX_RECORD_BYTES)
  const chunks: Buffer[] = []
  for await (const chunk of await zip.openReadStreamPromise(record)) chunks.push(chunk as Buffer)
  const lines = Buffer.concat(chunks).toString('utf8').split('\n')
  const hashes = new Map<string, string>()
  for (const line of lines) {
    const [, name, hash] = /^([^,"]+),sha256=([\w-]+),\d+\s*$/.exec(line) ?? []
    if (name !== undefined && hash !== undefined)
      hashes.set(name, Buffer.from(hash, 'base64url').toString('hex'))
  }
  return hashes
}

async function writeEntry(
  zip: ZipFile,
  entry: Entry,
  file: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<FileFacts> {
  await mkdir(dirname(file), { recursive: true })
  const stream: Readable = await zip.openReadStreamPromise(entry)
  const handle = await open(file, 'wx', 0o644)
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of stream) {
      signal.throwIfAborted()
      const data = chunk as Buffer
      hash.update(data)
      await handle.writeFile(data)
      bytes += data.length
      onBytes(data.length)
    }
    // The libraries must outlive a power cut once the manifest names them; headers only serve a later build.
    if (file.includes(`/${LIBRARY_FOLDER}/`)) await handle.sync()
  } finally {
    stream.destroy()
    await handle.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** What the zip reader refuses: a damaged archive, and names that lead out of the folder, which it checks too. */
function damaged(cause: unknown): TesseraError {
  const got = cause instanceof Error ? cause.message.slice(0, 200) : String(cause)
  return archiveRefused(ROLE, 'be a readable zip archive', got, cause)
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError'
}
