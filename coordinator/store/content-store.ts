/** @file Files named by the SHA-256 of their bytes: models and updates. A hash is checked before the first byte of a file is used. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { explained, syncFolder, TEMPORARY_PREFIX, temporaryName, writeDurably } from '@tessera/shared/files'
import { sha256Hex } from '@tessera/shared/security'

export interface ContentStore {
  /** Saves bytes and returns their hash, when they are safe. */
  save(bytes: Uint8Array): Promise<string>
  /** @throws {TesseraError} ERR_STORE_CORRUPT, naming the file, if it is missing or its bytes are not those of its name. */
  load(sha256: string): Promise<Uint8Array>
  /** Some bytes of a file, without reading the rest. Errors as {@link ContentStore.load}. */
  loadPart(
    sha256: string,
    offset: number,
    maxBytes: number,
  ): Promise<{ totalBytes: number; part: Uint8Array }>
  /** Opens a file to be read at any place, when its hash has been checked. Errors as {@link ContentStore.load}. */
  open(sha256: string): Promise<StoredFile>
  /** Starts a file that comes in pieces. */
  receive(): Promise<Incoming>
}

/** A file that is open for reading. */
export interface StoredFile {
  readonly bytes: number
  /** Of the system: threads of this process may read from it, at explicit positions, until it is closed. */
  readonly descriptor: number
  /** Fills `into` from `position` on. @throws {TesseraError} ERR_STORE_CORRUPT if the file ends before. */
  read(into: Uint8Array, position: number): Promise<void>
  close(): Promise<void>
}

/** A file that is coming in, under a temporary name. Memory stays flat: pieces go straight to disk, the hash runs along. */
export interface Incoming {
  readonly bytes: number
  append(piece: Uint8Array): Promise<void>
  /** Hash of what has come so far. */
  digest(): string
  /** All that has come so far. */
  content(): Promise<Uint8Array>
  /** Fills `into` from `position` on, within what has come. @throws {TesseraError} ERR_STORE_CORRUPT if there is less. */
  read(into: Uint8Array, position: number): Promise<void>
  /** Gives the file its name; it is safe when this returns. Again: nothing happens. */
  keep(): Promise<void>
  discard(): Promise<void>
}

/** Read at once for a hash: in pieces of 64 KiB, the default, it takes twice as long. */
const PIECE_BYTES = 1024 * 1024

/** Removes what a crash has left half written. Only for the folder's one writer. */
export async function removeLeftovers(folder: string): Promise<void> {
  await explained(async () => {
    await mkdir(folder, { recursive: true })
    for (const file of await readdir(folder)) {
      if (file.startsWith(TEMPORARY_PREFIX)) await rm(join(folder, file), { force: true })
    }
  })
}

/** Gives a folder of files `<sha256><extension>`. */
export function contentStore(folder: string, extension: string): ContentStore {
  const fileOf = (sha256: string): string => join(folder, `${sha256}${extension}`)
  // Files never change once named: one full check per file and run is enough for reading it in parts.
  const checked = new Map<string, number>()

  const totalBytes = async (sha256: string): Promise<number> => {
    const known = checked.get(sha256)
    if (known !== undefined) return known
    const hash = createHash('sha256')
    try {
      const pieces = createReadStream(fileOf(sha256), { highWaterMark: PIECE_BYTES })
      for await (const piece of pieces) hash.update(piece as Buffer)
    } catch (cause) {
      throw corrupt(fileOf(sha256), (cause as NodeJS.ErrnoException).code ?? 'an unreadable file', cause)
    }
    if (hash.digest('hex') !== sha256) throw corrupt(fileOf(sha256), 'other bytes')
    const { size } = await stat(fileOf(sha256))
    checked.set(sha256, size)
    return size
  }

  return {
    async save(bytes) {
      const sha256 = sha256Hex(bytes)
      await writeDurably(fileOf(sha256), bytes)
      return sha256
    },
    async load(sha256) {
      const bytes = await readFile(fileOf(sha256)).catch((cause: NodeJS.ErrnoException) => {
        throw corrupt(fileOf(sha256), cause.code ?? 'an unreadable file', cause)
      })
      if (sha256Hex(bytes) !== sha256) throw corrupt(fileOf(sha256), 'other bytes')
      return bytes
    },
    async loadPart(sha256, offset, maxBytes) {
      const total = await totalBytes(sha256)
      const part = Buffer.alloc(Math.max(0, Math.min(maxBytes, total - offset)))
      const handle = await open(fileOf(sha256), 'r')
      try {
        const { bytesRead } = await handle.read(part, 0, part.length, offset)
        if (bytesRead !== part.length) throw corrupt(fileOf(sha256), 'a shorter file')
      } finally {
        await handle.close()
      }
      return { totalBytes: total, part }
    },
    async open(sha256) {
      const bytes = await totalBytes(sha256)
      const file = fileOf(sha256)
      const handle = await open(file, 'r').catch((cause: NodeJS.ErrnoException) => {
        throw corrupt(file, cause.code ?? 'an unreadable file', cause)
      })
      return {
        bytes,
        descriptor: handle.fd,
        read: (into, position) => readFully(handle, file, into, position),
        close: () => handle.close(),
      }
    },
    receive: () =>
      explained(async () => {
        await mkdir(folder, { recursive: true })
        const temporary = temporaryName(folder)
        return incoming(await open(temporary, 'wx+', 0o600), temporary, fileOf)
      }),
  }
}

function incoming(handle: FileHandle, temporary: string, fileOf: (sha256: string) => string): Incoming {
  const hash = createHash('sha256')
  let bytes = 0
  let named = false
  return {
    get bytes() {
      return bytes
    },
    append: (piece) =>
      explained(async () => {
        let written = 0
        while (written < piece.length) {
          // At an explicit position: a write that failed half way is written over by its repetition.
          const result = await handle.write(piece, written, piece.length - written, bytes + written)
          written += result.bytesWritten
        }
        hash.update(piece)
        bytes += piece.length
      }),
    digest: () => hash.copy().digest('hex'),
    async content() {
      const content = Buffer.alloc(bytes)
      await handle.read(content, 0, bytes, 0)
      return content
    },
    read: (into, position) => readFully(handle, temporary, into, position),
    keep: () =>
      explained(async () => {
        if (!named) {
          await handle.sync()
          await rename(temporary, fileOf(hash.copy().digest('hex')))
          named = true
        }
        await syncFolder(dirname(temporary))
        await handle.close()
      }),
    async discard() {
      await handle.close().catch(() => undefined)
      await rm(temporary, { force: true })
    },
  }
}

async function readFully(
  handle: FileHandle,
  file: string,
  into: Uint8Array,
  position: number,
): Promise<void> {
  let done = 0
  while (done < into.length) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done)
    if (bytesRead === 0) throw corrupt(file, 'a shorter file')
    done += bytesRead
  }
}

function corrupt(file: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError(
    'ERR_STORE_CORRUPT',
    `stored file ${basename(file)} must have the bytes its name says, got ${got}`,
    { cause },
  )
}
