/**
 * @file Deltas that are coming in. One a site: a new manifest takes the place of an unfinished one, and takes over the chunks they share. A site goes on
 * with an upload over another connection, and after a restart of either end: the chunks that are on the disk are there.
 */
import { TesseraError } from '@tessera/shared/errors'
import { type Manifest, WINDOW_CHUNKS } from '@tessera/shared/protocol'
import { createNonce } from '@tessera/shared/security'
import { type ChunkList, DIGEST_BYTES, isListed } from '@tessera/shared/transfer'
import type { ChunkedFile, ContentStore } from '../store/index.ts'
import { createQueue, type Queue } from './queue.ts'
import type { Room } from './room.ts'

export interface Upload {
  readonly id: string
  readonly manifest: Manifest
  /** The manifest's JWS. */
  readonly token: string
  readonly file: ChunkedFile
  /** Once the update counts: a commit that is asked again gets the same answer. */
  receipt: string | null
}

/** An upload that goes on, and how many chunks of it may be unanswered. */
export interface Opened {
  readonly upload: Upload
  readonly window: number
}

export interface Uploads {
  /** Gives the upload of this manifest, as far as it has come. @throws {TesseraError} ERR_UPLOAD_BUSY, ERR_STORE_WRITE */
  open(token: string, manifest: Manifest, list: ChunkList): Promise<Opened>
  /**
   * Puts a chunk on the disk and gives the window. A chunk that is there already is not looked at.
   * @throws {TesseraError} ERR_UPLOAD_UNKNOWN, ERR_UPLOAD_CHUNK, ERR_WINDOW_FULL, ERR_STORE_WRITE
   */
  write(site: string, id: string, index: number, chunk: Uint8Array): Promise<number>
  /**
   * Runs `work` on an upload that is whole; who asks again while it is at work gets the same answer.
   * @throws {TesseraError} ERR_UPLOAD_UNKNOWN, ERR_UPLOAD_INCOMPLETE
   */
  finish(site: string, id: string, work: (upload: Upload) => Promise<string>): Promise<string>
  /** Forgets a site's upload; its bytes go when nothing works on them any more. Do not wait for that within a decision: the work may itself wait for one. */
  drop(site: string): Promise<void>
  /** Forgets all that are unfinished, on the disk too: their round has ended. */
  clear(): Promise<void>
  /** Removes from the disk what other sites than these left behind. */
  sweep(sites: ReadonlySet<string>): Promise<void>
  /** Bytes that are there of a site's upload without a receipt; 0 when it has none. */
  receivedOf(site: string): number
  /** By site, of all that have one: bytes that are there, and all of them. */
  announced(): ReadonlyMap<string, { readonly bytes: number; readonly totalBytes: number }>
}

interface Entry extends Upload {
  /** Writes that have not ended. */
  readonly writing: Set<Promise<void>>
  finishing: Promise<string> | null
  /** A write has failed: what is on the disk has to be looked at anew. */
  failed: boolean
}

/** Builds the uploads of one study. */
export function createUploads(study: string, store: ContentStore, room: Room): Uploads {
  const bySite = new Map<string, Entry>()
  const opening = new Map<string, Queue>()
  // Names of studies and sites have no dot: no two pairs share a file.
  const prefix = `${study}.`

  const find = (site: string, id: string): Entry => {
    const upload = bySite.get(site)
    if (upload?.id === id && !upload.failed) return upload
    throw new TesseraError('ERR_UPLOAD_UNKNOWN', 'upload must be open, got another: open it again')
  }
  /** What opens or removes a site's file goes one after the other: none removes what another has just opened. */
  const inTurn = (site: string): Queue => {
    const queue = opening.get(site) ?? createQueue()
    opening.set(site, queue)
    return queue
  }
  /** Takes a site's upload out; when this returns, nothing works on its file. */
  const takeOut = async (site: string): Promise<void> => {
    const upload = bySite.get(site)
    if (upload === undefined) return
    bySite.delete(site)
    room.leave(upload.id)
    await Promise.allSettled([...upload.writing, upload.finishing])
  }
  const drop = async (site: string): Promise<void> => {
    const upload = bySite.get(site)
    await inTurn(site)(async () => {
      if (upload === undefined || bySite.get(site) !== upload) return
      await takeOut(site)
      if (upload.receipt === null) await upload.file.discard()
    })
  }
  /** Removes files of sites that have no upload, of those that `unwanted` picks. */
  const removeFiles = async (unwanted: (site: string) => boolean): Promise<void> => {
    for (const name of await store.unfinished()) {
      const site = name.slice(prefix.length)
      if (!name.startsWith(prefix) || !unwanted(site)) continue
      await inTurn(site)(async () => {
        if (!bySite.has(site)) await store.discardChunks(name)
      })
    }
  }

  return {
    open: (token, manifest, list) =>
      inTurn(manifest.site)(async () => {
        const { site, bytes } = manifest
        let upload = bySite.get(site)
        if (upload === undefined || upload.token !== token || upload.failed) {
          await takeOut(site)
          const file = await store.receiveChunks(`${prefix}${site}`, list)
          const id = createNonce()
          const idle = { receipt: null, writing: new Set<Promise<void>>(), finishing: null, failed: false }
          upload = { id, manifest, token, file, ...idle }
          bySite.set(site, upload)
        }
        const window = upload.file.missing.size === 0 ? WINDOW_CHUNKS : room.grant(upload.id, bytes)
        if (window > 0) return { upload, window }
        throw new TesseraError(
          'ERR_UPLOAD_BUSY',
          'coordinator must have room for an upload, got none: ask later',
        )
      }),
    async write(site, id, index, chunk) {
      const upload = find(site, id)
      const { file, writing, manifest } = upload
      if (file.missing.has(index)) {
        if (writing.size >= WINDOW_CHUNKS) {
          throw new TesseraError(
            'ERR_WINDOW_FULL',
            `site must have at most ${WINDOW_CHUNKS} chunks unanswered, got one more`,
          )
        }
        assertListed(file.list, index, chunk)
        const work = file.write(index, chunk).finally(() => writing.delete(work))
        writing.add(work)
        await work.catch((thrown: unknown) => {
          upload.failed = true
          room.leave(id)
          throw thrown
        })
        // It may have been dropped meanwhile: then it has no place in the room any more.
        find(site, id)
      } else assertIndex(file.list, index)
      if (file.missing.size > 0) return Math.max(1, room.grant(id, manifest.bytes))
      room.leave(id)
      return WINDOW_CHUNKS
    },
    async finish(site, id, work) {
      const upload = find(site, id)
      await Promise.allSettled(upload.writing)
      const lacking = upload.file.missing.size
      if (lacking > 0) {
        throw new TesseraError(
          'ERR_UPLOAD_INCOMPLETE',
          `upload must have all its chunks, got ${lacking} fewer`,
        )
      }
      // Looked up again: it may have been dropped while its last chunks were written.
      find(site, id)
      upload.finishing ??= work(upload).finally(() => {
        upload.finishing = null
      })
      return upload.finishing
    },
    drop,
    async clear() {
      const unfinished = [...bySite].filter(([, { receipt }]) => receipt === null)
      await Promise.all(unfinished.map(([site]) => drop(site)))
      await removeFiles(() => true)
    },
    sweep: (sites) => removeFiles((site) => !sites.has(site)),
    receivedOf(site) {
      const upload = bySite.get(site)
      return upload?.receipt === null ? upload.file.bytes : 0
    },
    announced: () =>
      new Map(
        [...bySite.values()]
          .filter(({ receipt }) => receipt === null)
          .map(({ manifest, file }) => [manifest.site, { bytes: file.bytes, totalBytes: manifest.bytes }]),
      ),
  }
}

function assertListed(list: ChunkList, index: number, chunk: Uint8Array): void {
  assertIndex(list, index)
  if (isListed(list, index, chunk)) return
  throw new TesseraError('ERR_UPLOAD_CHUNK', `chunk ${index} must be the one of its list, got other bytes`)
}

function assertIndex({ digests }: ChunkList, index: number): void {
  const count = digests.byteLength / DIGEST_BYTES
  if (index < count) return
  throw new TesseraError('ERR_UPLOAD_CHUNK', `chunk must be one of ${count}, got ${index}`)
}
