/** @file Uploads an announced delta: what the coordinator lacks of it, several chunks at once, across cuts of the connection. */
import { asTesseraError, type ErrorCode } from '@tessera/shared/errors'
import { chunkCount, chunkLength, chunkOf, inWindow, unpackMissing } from '@tessera/shared/transfer'
import type { Connection } from './connection.ts'
import type { EncodedDelta } from './gate-state.ts'
import { isCut } from './patient.ts'

/** The coordinator forgot the upload, or lost some of it: opening it again helps, unless one end is wrong about it every time. */
const REOPEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_UPLOAD_UNKNOWN',
  'ERR_UPLOAD_CHUNK',
  'ERR_UPLOAD_INCOMPLETE',
])
const MOST_REOPENS = 5
/** No room in the coordinator's memory, or a store that takes nothing now: it passes, and the round's deadline ends it if it does not. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_UPLOAD_BUSY',
  'ERR_STORE_WRITE',
  'ERR_STORE_LOCKED',
  'ERR_STORE_UNREACHABLE',
])
/** Refusals that mean: this very update is there already. */
export const ALREADY_THERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_UPDATE_DUPLICATE',
  'ERR_UPDATE_REPLAYED',
])

export interface DeliverOptions {
  readonly connection: Connection
  /** JWS of the manifest. */
  readonly manifest: string
  /** As the gate encoded it. */
  readonly delta: EncodedDelta
  readonly signal: AbortSignal
  readonly onProgress?: (bytes: number, totalBytes: number) => void
}

/**
 * Gives the receipt's JWS. `null`: the commit's answer was lost, and the coordinator now says that it has the update. A coordinator without room,
 * in memory or in its store, is asked again later, for as long as `signal` lets it.
 * @throws {TesseraError} What the coordinator says against the update; ERR_INTERRUPTED; or the code that ended the connection.
 */
export async function deliver(options: DeliverOptions): Promise<string | null> {
  const { connection, manifest, delta, signal } = options
  const { chunks } = delta
  let [askedToCommit, reopens, waits] = [false, 0, 0]
  for (;;) {
    await connection.joined(signal)
    try {
      const opened = await connection.ask('upload:open', { manifest, chunks }, signal)
      await sendMissing(opened, options)
      askedToCommit = true
      return (await connection.ask('upload:commit', { upload: opened.upload }, signal)).receipt
    } catch (thrown) {
      const error = asTesseraError(thrown)
      if (askedToCommit && ALREADY_THERE.has(error.code)) return null
      if (isCut(error)) continue
      if (PASSING.has(error.code)) await connection.pause(error, ++waits, signal)
      else if (REOPEN.has(error.code) && ++reopens <= MOST_REOPENS) continue
      else throw error
    }
  }
}

async function sendMissing(
  { upload, missing, ...opened }: { upload: string; missing: Uint8Array; window: number },
  { connection, delta, signal, onProgress }: DeliverOptions,
): Promise<void> {
  const { bytes } = delta
  const lacking = unpackMissing(missing, chunkCount(bytes.byteLength))
  let there = bytes.byteLength
  for (const index of lacking) there -= chunkLength(bytes.byteLength, index)
  let { window } = opened
  await inWindow(
    lacking,
    () => window,
    async (index) => {
      const chunk = chunkOf(bytes, index)
      const reply = await connection.ask('upload:chunk', { upload, index, chunk }, signal)
      window = reply.window
      there += chunk.byteLength
      onProgress?.(there, bytes.byteLength)
    },
  )
}
