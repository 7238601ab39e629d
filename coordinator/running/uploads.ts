/**
 * @file Deltas that are coming in. One a site: a new manifest takes the place of an unfinished one. A site may go on with an upload over
 * another connection as long as this process lives; after a restart it begins again.
 */
import { TesseraError } from '@tessera/shared/errors'
import type { Manifest } from '@tessera/shared/protocol'
import { createNonce } from '@tessera/shared/security'
import type { ContentStore, Incoming } from '../store/index.ts'
import { createQueue } from './queue.ts'

export interface Upload {
  readonly id: string
  readonly manifest: Manifest
  /** The manifest's JWS. */
  readonly token: string
  readonly incoming: Incoming
  /** Once the update counts: a commit that is asked again gets the same answer. */
  receipt: string | null
}

export interface Uploads {
  /** Gives the upload of this manifest, as far as it has come. */
  open(token: string, manifest: Manifest): Promise<Upload>
  /** Adds bytes at `offset` and gives the next one. @throws {TesseraError} ERR_UPLOAD_UNKNOWN, ERR_UPLOAD_OFFSET, ERR_UPDATE_SIZE */
  append(site: string, id: string, offset: number, chunk: Uint8Array): Promise<number>
  /** Runs `work` on an upload when all chunks that came before are on disk. @throws {TesseraError} ERR_UPLOAD_UNKNOWN */
  finish<T>(site: string, id: string, work: (upload: Upload) => Promise<T>): Promise<T>
  /** Forgets a site's upload; its bytes go once nothing works on them. Do not wait for that within a decision: the work may itself wait for one. */
  drop(site: string): Promise<void>
  /** Forgets all that are unfinished: their round has ended. */
  clear(): Promise<void>
  /** Bytes that are there, by site, of uploads without a receipt. */
  received(): ReadonlyMap<string, number>
}

/** Builds the uploads of one study. */
export function createUploads(store: ContentStore): Uploads {
  const bySite = new Map<string, Upload & { queue: Promise<unknown> }>()
  const opening = createQueue()

  const find = (site: string, id: string): Upload & { queue: Promise<unknown> } => {
    const upload = bySite.get(site)
    if (upload?.id === id) return upload
    throw new TesseraError('ERR_UPLOAD_UNKNOWN', 'upload must be open, got another: open it again')
  }
  /** Chunks of one upload are written one after the other, however they were sent. */
  const inTurn = <T>(site: string, id: string, work: (upload: Upload) => Promise<T>): Promise<T> => {
    const upload = find(site, id)
    // Looked up again when its turn comes: it may have been dropped while it waited.
    const done = upload.queue.then(() => work(find(site, id)))
    upload.queue = done.catch(() => undefined)
    return done
  }
  const drop = async (site: string): Promise<void> => {
    const upload = bySite.get(site)
    bySite.delete(site)
    await upload?.queue
    if (upload !== undefined && upload.receipt === null) await upload.incoming.discard()
  }

  return {
    open: (token, manifest) =>
      opening(async () => {
        const known = bySite.get(manifest.site)
        if (known?.token === token) return known
        await drop(manifest.site)
        const incoming = await store.receive()
        const upload = {
          id: createNonce(),
          manifest,
          token,
          incoming,
          receipt: null,
          queue: Promise.resolve(),
        }
        bySite.set(manifest.site, upload)
        return upload
      }),
    append: (site, id, offset, chunk) =>
      inTurn(site, id, async ({ incoming, manifest }) => {
        if (offset !== incoming.bytes) {
          throw new TesseraError('ERR_UPLOAD_OFFSET', `offset must be ${incoming.bytes}, got ${offset}`)
        }
        if (offset + chunk.byteLength > manifest.bytes) {
          throw new TesseraError(
            'ERR_UPDATE_SIZE',
            `delta must have the ${manifest.bytes} bytes of its manifest, got ${offset + chunk.byteLength}`,
          )
        }
        await incoming.append(chunk)
        return incoming.bytes
      }),
    finish: inTurn,
    drop,
    async clear() {
      const unfinished = [...bySite].filter(([, { receipt }]) => receipt === null)
      await Promise.all(unfinished.map(([site]) => drop(site)))
    },
    received: () =>
      new Map(
        [...bySite.values()]
          .filter(({ receipt }) => receipt === null)
          .map(({ manifest, incoming }) => [manifest.site, incoming.bytes]),
      ),
  }
}
