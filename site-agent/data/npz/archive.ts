/** @file Arrays out of an .npz file, a zip archive of .npy files: sizes first, then the bytes, straight to where they stay. */
import type { Readable } from 'node:stream'
import { TesseraError } from '@tessera/shared/errors'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { NPY_PREFIX_BYTES, type NpyHeader, npyHeaderBytes, npzRefused, parseNpyHeader } from './npy.ts'

/** MedMNIST's files have six arrays. */
const MAX_ENTRIES = 64
/** Of the arrays that are taken, which stay in memory: 107,180 tiles of 64 px (PathMNIST+) have 1.3 GB, and a typed array of Node 20 ends at 4. */
const MAX_TAKEN_BYTES = 2 * 1024 * 1024 * 1024

export interface NpyArray {
  readonly header: NpyHeader
  /** The elements, in shared memory. */
  readonly bytes: Uint8Array
}

/**
 * Reads the arrays that are wanted, by their names without `.npy`; those that are not there are left out.
 *
 * @throws {TesseraError} ERR_DATA_NPZ, ERR_DATA_FOLDER
 */
export async function readNpz(file: string, wanted: ReadonlySet<string>): Promise<Map<string, NpyArray>> {
  const zip = await openPromise(file, { lazyEntries: true, autoClose: false, strictFileNames: true }).catch(
    damaged,
  )
  try {
    const entries = await wantedEntries(zip, wanted)
    const total = [...entries.values()].reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0)
    if (total > MAX_TAKEN_BYTES) {
      throw npzRefused(
        `hold at most ${MAX_TAKEN_BYTES} bytes of arrays`,
        `${total}: write the tiles as files with a manifest`,
      )
    }
    const arrays = new Map<string, NpyArray>()
    for (const [name, entry] of entries) arrays.set(name, await readArray(zip, entry))
    return arrays
  } catch (thrown) {
    return thrown instanceof TesseraError ? Promise.reject(thrown) : damaged(thrown)
  } finally {
    zip.close()
  }
}

async function wantedEntries(zip: ZipFile, wanted: ReadonlySet<string>): Promise<Map<string, Entry>> {
  if (zip.entryCount > MAX_ENTRIES)
    throw npzRefused(`hold at most ${MAX_ENTRIES} arrays`, String(zip.entryCount))
  const entries = new Map<string, Entry>()
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName.replace(/\.npy$/, '')
    if (!wanted.has(name)) continue
    if (entries.has(name)) throw npzRefused(`hold ${name} once`, 'it twice')
    entries.set(name, entry)
  }
  return entries
}

async function readArray(zip: ZipFile, entry: Entry): Promise<NpyArray> {
  // yauzl ends the stream with an error at the first byte beyond the size that the directory claims.
  const stream = await zip.openReadStreamPromise(entry)
  let head = Buffer.alloc(0)
  let array: NpyArray | null = null
  let at = 0
  for await (const chunk of stream as Readable & AsyncIterable<Buffer>) {
    let rest: Buffer = chunk
    if (array === null) {
      head = Buffer.concat([head, chunk])
      array = begun(head, entry.uncompressedSize)
      if (array === null) continue
      rest = head.subarray(array.header.headerBytes)
    }
    array.bytes.set(rest, at)
    at += rest.length
  }
  if (array === null || at !== array.bytes.length)
    throw npzRefused('hold whole arrays', 'one that ends early')
  return array
}

/** The array with room for its elements, once the header is there; null before. */
function begun(head: Buffer, entryBytes: number): NpyArray | null {
  if (head.length < NPY_PREFIX_BYTES) return null
  const headerBytes = npyHeaderBytes(head)
  if (head.length < headerBytes) return null
  const header = parseNpyHeader(head.subarray(0, headerBytes))
  const elements = header.shape.reduce((product, size) => product * size, header.itemBytes)
  if (elements !== entryBytes - headerBytes) {
    throw npzRefused(
      'hold arrays as large as their shapes say',
      `${entryBytes - headerBytes} bytes for ${elements}`,
    )
  }
  return { header, bytes: new Uint8Array(new SharedArrayBuffer(elements)) }
}

// The reader's text may hold a path: it stays in `cause`.
function damaged(cause: unknown): never {
  throw npzRefused('be a readable zip archive', 'a damaged or other file', cause)
}
