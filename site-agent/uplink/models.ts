/** @file Fetches models by their hash, in chunks, and keeps them: `cache/<sha256>`, and `cache/<sha256>.part` while one is coming in. */
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { explained, isMissing, renameDurably } from '@tessera/shared/files'
import { sha256Hex } from '@tessera/shared/security'
import type { Ask } from './connection.ts'

/** A wrong hash once may be a bad disk or a file cut short; twice it is the wrong file. */
const ATTEMPTS = 2

export interface FetchOptions {
  readonly dir: string
  readonly sha256: string
  /** Size that a signed offer states; absent when nothing does. */
  readonly bytes?: number
  /** Asks again by itself after a cut; the download goes on where it was. */
  readonly ask: Ask
  readonly signal: AbortSignal
  readonly onProgress?: (bytes: number, totalBytes: number) => void
}

/**
 * Gives a model's bytes, from the disk if they are there and whole.
 * @throws {TesseraError} ERR_MODEL_HASH if what comes twice has another hash or size; ERR_MODEL_UNKNOWN; ERR_STORE_WRITE; ERR_INTERRUPTED.
 */
export async function fetchModel(options: FetchOptions): Promise<Uint8Array> {
  const { dir, sha256 } = options
  const file = join(dir, sha256)
  const held = await readIfThere(file)
  if (held !== null && sha256Hex(held) === sha256) return held
  await rm(file, { force: true })
  await explained(() => mkdir(dir, { recursive: true, mode: 0o700 }))
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    await download(`${file}.part`, options)
    const bytes = await readFile(`${file}.part`)
    if (sha256Hex(bytes) === sha256) {
      await renameDurably(`${file}.part`, file)
      return bytes
    }
    await rm(`${file}.part`, { force: true })
  }
  throw new TesseraError(
    'ERR_MODEL_HASH',
    `model must have the hash ${sha256}, got another ${ATTEMPTS} times`,
  )
}

/** Removes every cached model but these: a study of 100 rounds would otherwise keep 100 students. */
export async function keepOnly(dir: string, hashes: ReadonlySet<string>): Promise<void> {
  const names = await readdir(dir).catch(() => [])
  for (const name of names) {
    if (!hashes.has(name.replace(/\.part$/, ''))) await rm(join(dir, name), { force: true })
  }
}

async function download(part: string, options: FetchOptions): Promise<void> {
  const { sha256, bytes, ask, signal, onProgress } = options
  let offset = (await stat(part).catch(() => null))?.size ?? 0
  let total = bytes ?? null
  // A part that is too long belongs to nothing.
  if (total !== null && offset > total) {
    await rm(part)
    offset = 0
  }
  const handle = await explained(() => open(part, 'a', 0o600))
  try {
    while (total === null || offset < total) {
      if (signal.aborted) throw new TesseraError('ERR_INTERRUPTED', 'model must be fetched whole, got a stop')
      const reply = await ask('model:fetch', { sha256, offset })
      total ??= reply.totalBytes
      if (reply.totalBytes !== total) {
        throw new TesseraError('ERR_MODEL_HASH', `model must have ${total} bytes, got ${reply.totalBytes}`)
      }
      const left = total - offset
      if (left > 0 && (reply.chunk.byteLength === 0 || reply.chunk.byteLength > left)) {
        const got = reply.chunk.byteLength
        throw new TesseraError('ERR_MESSAGE_INVALID', `chunk must have 1 to ${left} bytes, got ${got}`)
      }
      if (left <= 0) break
      await explained(() => handle.appendFile(reply.chunk))
      offset += reply.chunk.byteLength
      onProgress?.(offset, total)
    }
    await explained(() => handle.sync())
  } finally {
    await handle.close()
  }
}

async function readIfThere(file: string): Promise<Uint8Array | null> {
  try {
    return await readFile(file)
  } catch (cause) {
    if (isMissing(cause)) return null
    throw new TesseraError('ERR_STORE_CORRUPT', 'cached model must be readable, got an error', { cause })
  }
}
