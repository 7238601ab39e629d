/** @file Uploads an announced delta, chunk after acknowledged chunk, across cuts of the connection. */
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { CHUNK_BYTES } from '@tessera/shared/protocol'
import type { Connection } from './connection.ts'
import { isCut } from './patient.ts'

/** The coordinator forgot the upload or is at another byte: opening it again helps, unless one end is wrong about it every time. */
const REOPEN: ReadonlySet<string> = new Set(['ERR_UPLOAD_UNKNOWN', 'ERR_UPLOAD_OFFSET'])
const MOST_REOPENS = 5
/** Refusals that mean: this very update is there already. */
const THERE: ReadonlySet<string> = new Set(['ERR_UPDATE_DUPLICATE', 'ERR_UPDATE_REPLAYED'])

export interface DeliverOptions {
  readonly connection: Connection
  /** JWS of the manifest. */
  readonly manifest: string
  /** The encoded delta. */
  readonly bytes: Uint8Array
  readonly signal: AbortSignal
  readonly onProgress?: (bytes: number, totalBytes: number) => void
}

/**
 * Gives the receipt's JWS. `null`: the commit's answer was lost, and the coordinator now says that it has the update.
 * @throws {TesseraError} What the coordinator says against the update; ERR_INTERRUPTED; or the code that ended the connection.
 */
export async function deliver({
  connection,
  manifest,
  bytes,
  signal,
  onProgress,
}: DeliverOptions): Promise<string | null> {
  let askedToCommit = false
  for (let reopens = 0; ; ) {
    await connection.joined(signal)
    try {
      const { upload, offset } = await connection.ask('upload:open', { manifest }, signal)
      await sendChunks(upload, offset)
      askedToCommit = true
      return (await connection.ask('upload:commit', { upload }, signal)).receipt
    } catch (thrown) {
      const { code } = asTesseraError(thrown)
      if (askedToCommit && THERE.has(code)) return null
      if (!isCut(thrown) && !(REOPEN.has(code) && ++reopens <= MOST_REOPENS)) throw thrown
    }
  }

  async function sendChunks(upload: string, from: number): Promise<void> {
    let offset = from
    while (offset < bytes.byteLength) {
      const chunk = bytes.slice(offset, offset + CHUNK_BYTES)
      const reply = await connection.ask('upload:chunk', { upload, offset, chunk }, signal)
      if (reply.offset !== offset + chunk.byteLength) {
        throw new TesseraError(
          'ERR_UPLOAD_OFFSET',
          `coordinator must be at byte ${offset + chunk.byteLength}, got ${reply.offset}`,
        )
      }
      offset = reply.offset
      onProgress?.(offset, bytes.byteLength)
    }
  }
}
