/**
 * @file Files named by their content: models by the SHA-256 of their bytes, updates by that of the list of their chunks. A name is checked before the
 * first byte of a file is used.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import {
  explained,
  isMissing,
  readAt,
  readBlocks,
  settle,
  syncFolder,
  TEMPORARY_PREFIX,
  temporaryName,
  writeDurably,
} from '@tessera/shared/files'
import { CHUNK_BYTES } from '@tessera/shared/protocol'
import { type ChunkList, listHash } from '@tessera/shared/transfer'
import { type ChunkedFile, chunkedFiles, discardChunkedFile, openChunkedFile } from './chunked-file.ts'
import { createNamer, type Known, type NamedBy, type Namer, nameOf } from './namer.ts'

export interface ContentStore {
  /** Saves bytes and returns their hash, when they are safe. */
  save(bytes: Uint8Array): Promise<string>
  /** @throws {TesseraError} ERR_STORE_CORRUPT, naming the file, if it is missing or its bytes are not those of its name. */
  load(sha256: string): Promise<Uint8Array>
  /** Some bytes of a file, without reading the rest; others may be given the same memory: it is only read. Errors as {@link ContentStore.load}. */
  loadPart(
    sha256: string,
    offset: number,
    maxBytes: number,
  ): Promise<{ totalBytes: number; part: Uint8Array }>
  /** What the file is made of. Errors as {@link ContentStore.load}. */
  list(sha256: string): Promise<ChunkList>
  /** Opens a file to be read at any place, when its hash has been checked. Errors as {@link ContentStore.load}. */
  open(sha256: string): Promise<StoredFile>
  /** Starts a file that comes in pieces, one after the other. */
  receive(): Promise<Incoming>
  /**
   * Goes on with a file that comes in chunks, or begins it. One a name: what is there of an earlier one goes, but for the chunks both have.
   * Once kept it is named by its list: only for a store whose files are. That each chunk is the listed one is the caller's to see to.
   */
  receiveChunks(name: string, list: ChunkList): Promise<ChunkedFile>
  /** SHA-256 of every file that has its name. */
  names(): Promise<string[]>
  /** Names that {@link ContentStore.receiveChunks} has unfinished files of, from earlier runs too. */
  unfinished(): Promise<string[]>
  /** Removes an unfinished file. */
  discardChunks(name: string): Promise<void>
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

/** Parts that are kept at hand, 8 MiB: sites fetch the same student in step, and each of its chunks is read once for those that are close. */
const PARTS_KEPT = 16

/** Files that need not be looked at again; the list of one is 64 KiB at most. A study hands out three models at a time. */
const FILES_KNOWN = 64

/** A file that is coming in, under a temporary name. Memory stays flat: pieces go straight to disk, the hash runs along. */
export interface Incoming {
  readonly bytes: number
  append(piece: Uint8Array): Promise<void>
  /** What names it. Nothing may be appended after it. */
  digest(): string
  /** Gives the file its name; it is safe when this returns. Again: nothing happens. */
  keep(): Promise<void>
  discard(): Promise<void>
}

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
export function contentStore(folder: string, extension: string, namedBy: NamedBy = 'bytes'): ContentStore {
  const fileOf = (sha256: string): string => join(folder, `${sha256}${extension}`)
  const unfinished = join(folder, 'incoming')
  // Files never change once named: one full check per file and run is enough for reading it in parts, however many ask at once.
  const checked = new Map<string, Promise<Known>>()
  const parts = new Map<string, Promise<Buffer>>()

  const check = async (sha256: string, listed: boolean): Promise<Known> => {
    const namer = createNamer(namedBy, listed)
    try {
      const handle = await open(fileOf(sha256), 'r')
      try {
        for await (const block of readBlocks(handle)) namer.add(block)
      } finally {
        await handle.close()
      }
    } catch (cause) {
      throw corrupt(fileOf(sha256), (cause as NodeJS.ErrnoException).code ?? 'an unreadable file', cause)
    }
    const named = namer.end()
    if (named.sha256 !== sha256) throw corrupt(fileOf(sha256), 'other bytes')
    return named
  }
  const remember = (sha256: string, checking: Promise<Known>): void => {
    // Last in the order of use.
    checked.delete(sha256)
    checked.set(sha256, checking)
    for (const oldest of checked.keys()) {
      if (checked.size <= FILES_KNOWN) break
      checked.delete(oldest)
    }
  }
  const know = async (sha256: string, listed = false): Promise<Known> => {
    const before = checked.get(sha256)
    const checking =
      before?.then((known) => (listed && known.list === null ? check(sha256, true) : known)) ??
      check(sha256, listed)
    remember(sha256, checking)
    return checking.catch((thrown: unknown) => {
      checked.delete(sha256)
      throw thrown
    })
  }

  const readPart = async (sha256: string, offset: number, bytes: number): Promise<Buffer> => {
    const part = Buffer.allocUnsafeSlow(bytes)
    const handle = await open(fileOf(sha256), 'r')
    try {
      if ((await readAt(handle, part, offset)) !== bytes) throw corrupt(fileOf(sha256), 'a shorter file')
    } finally {
      await handle.close()
    }
    return part
  }

  return {
    async save(bytes) {
      const sha256 = nameOf(bytes, namedBy)
      await writeDurably(fileOf(sha256), bytes)
      return sha256
    },
    async load(sha256) {
      const bytes = await readFile(fileOf(sha256)).catch((cause: NodeJS.ErrnoException) => {
        throw corrupt(fileOf(sha256), cause.code ?? 'an unreadable file', cause)
      })
      if (nameOf(bytes, namedBy) !== sha256) throw corrupt(fileOf(sha256), 'other bytes')
      return bytes
    },
    async loadPart(sha256, offset, maxBytes) {
      const { totalBytes: total } = await know(sha256)
      const bytes = Math.max(0, Math.min(maxBytes, total - offset))
      const name = `${sha256} ${offset} ${bytes}`
      const reading = parts.get(name) ?? readPart(sha256, offset, bytes)
      parts.delete(name)
      if (bytes <= CHUNK_BYTES) parts.set(name, reading)
      for (const oldest of parts.keys()) {
        if (parts.size <= PARTS_KEPT) break
        parts.delete(oldest)
      }
      const part = await reading.catch((thrown: unknown) => {
        parts.delete(name)
        throw thrown
      })
      return { totalBytes: total, part }
    },
    async open(sha256) {
      const { totalBytes: bytes } = await know(sha256)
      const file = fileOf(sha256)
      const handle = await open(file, 'r').catch((cause: NodeJS.ErrnoException) => {
        throw corrupt(file, cause.code ?? 'an unreadable file', cause)
      })
      return {
        bytes,
        descriptor: handle.fd,
        async read(into, position) {
          if ((await readAt(handle, into, position)) < into.length) throw corrupt(file, 'a shorter file')
        },
        close: () => handle.close(),
      }
    },
    async list(sha256) {
      const { list } = await know(sha256, true)
      if (list === null)
        throw new TesseraError('ERR_INTERNAL', 'internal: a list that was asked for must be made')
      return list
    },
    async receiveChunks(name, chunks) {
      if (namedBy === 'bytes')
        throw new TesseraError('ERR_INTERNAL', 'internal: chunks must go to a store of lists')
      const sha256 = listHash(chunks)
      const file = await openChunkedFile(unfinished, name, chunks, fileOf(sha256))
      return {
        ...file,
        get bytes() {
          return file.bytes
        },
        async keep() {
          await file.keep()
          // Each chunk was looked at when it came, or when the file was gone on with: that was this run's check.
          remember(sha256, Promise.resolve({ totalBytes: chunks.totalBytes, list: chunks }))
        },
      }
    },
    names: () => namesIn(folder, extension),
    unfinished: () => chunkedFiles(unfinished),
    discardChunks: (name) => discardChunkedFile(unfinished, name),
    receive: () =>
      explained(async () => {
        await mkdir(folder, { recursive: true })
        const temporary = temporaryName(folder)
        return incoming(
          await open(temporary, 'wx', 0o600),
          temporary,
          createNamer(namedBy, false),
          fileOf,
          remember,
        )
      }),
  }
}

function incoming(
  handle: FileHandle,
  temporary: string,
  namer: Namer,
  fileOf: (sha256: string) => string,
  remember: (sha256: string, known: Promise<Known>) => void,
): Incoming {
  let bytes = 0
  let named: ReturnType<Namer['end']> | null = null
  let kept = false
  const name = (): ReturnType<Namer['end']> => {
    named ??= namer.end()
    return named
  }
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
        namer.add(piece)
        bytes += piece.length
      }),
    digest: () => name().sha256,
    keep: () =>
      explained(async () => {
        if (!kept) {
          await settle(handle, temporary)
          const known = name()
          await rename(temporary, fileOf(known.sha256))
          remember(known.sha256, Promise.resolve(known))
          kept = true
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

async function namesIn(folder: string, extension: string): Promise<string[]> {
  const files = await readdir(folder).catch((cause: unknown) => {
    if (isMissing(cause)) return []
    throw cause
  })
  return files
    .filter((file) => file.endsWith(extension))
    .map((file) => file.slice(0, -extension.length))
    .filter((sha256) => /^[0-9a-f]{64}$/.test(sha256))
}

function corrupt(file: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError(
    'ERR_STORE_CORRUPT',
    `stored file ${basename(file)} must have the bytes its name says, got ${got}`,
    { cause },
  )
}
