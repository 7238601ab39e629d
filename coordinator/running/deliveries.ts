/** @file A study's incoming updates, from the manifest to the receipt: the border before the first byte, before it counts, and the bytes between. */
import { createHash } from 'node:crypto'
import { asTesseraError, type ErrorCode } from '@tessera/shared/errors'
import { decodeModel, type Weights } from '@tessera/shared/model'
import { sha256Hex, signPayload } from '@tessera/shared/security'
import {
  admitList,
  admitManifest,
  admitPayload,
  type Border,
  checkDigest,
  readmit,
} from '../admission/index.ts'
import type { Command } from '../rounds/index.ts'
import type { StudyContext, StudyRun } from './study-context.ts'
import { createUploads, type Upload } from './uploads.ts'

/** Refusals of a commit after which the same bytes may do: the disk was full, or the upload is not whole, or not this one. */
const KEEP: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_STORE_WRITE',
  'ERR_UPLOAD_UNKNOWN',
  'ERR_UPLOAD_INCOMPLETE',
])

export interface Deliveries {
  readonly open: StudyRun['openUpload']
  readonly chunk: StudyRun['uploadChunk']
  readonly commit: StudyRun['commitUpload']
  /** Bytes that are there, by site. */
  received(): ReadonlyMap<string, number>
  /** Forgets a site's unfinished upload. */
  drop(site: string): Promise<void>
  /** Forgets all that is unfinished: the round has ended. */
  clear(): Promise<void>
  /** Removes what a crash left of ended rounds: all but the files of these sites, which may go on. */
  sweep(sites: ReadonlySet<string>): Promise<void>
}

/**
 * Builds the deliveries of one study.
 * @param study Its id.
 * @param border What the border knows now.
 * @param take Carries out a command on the round machine and logs what follows. Only within `deciding`.
 */
export function createDeliveries(
  study: string,
  { store, key, clock, checking, deciding, room }: StudyContext,
  border: (site: string) => Border,
  take: (command: Command) => Promise<unknown>,
): Deliveries {
  const uploads = createUploads(study, store.updates, room)
  let base: { sha256: string; weights: Weights } | null = null
  const baseWeights = async (sha256: string, { layout }: Border): Promise<Weights> => {
    if (base?.sha256 !== sha256)
      base = { sha256, weights: decodeModel(await store.models.load(sha256), layout) }
    return base.weights
  }

  const settle = async (upload: Upload): Promise<string> => {
    if (upload.receipt !== null) return upload.receipt
    const { manifest, file, token } = upload
    const { site, study, round, attempt, samples, payload, bytes, metrics } = manifest
    const { norm } = await checking(async () => {
      const { layout, study } = border(site)
      const weights = await baseWeights(manifest.base, border(site))
      const { maxNorm } = study.federation
      const content = new Uint8Array(bytes)
      // One pass over the file for the digest and what else is asked of the bytes.
      const whole = createHash('sha256')
      let at = 0
      for await (const block of file.blocks()) {
        whole.update(block)
        content.set(block, at)
        at += block.length
      }
      checkDigest(manifest, whole.digest('hex'))
      return admitPayload(content, { layout, base: weights, maxNorm })
    })
    const manifestSha256 = sha256Hex(token)
    const receivedAtMs = clock.now()
    await deciding(async () => {
      readmit(manifest, border(site))
      await file.keep()
      const update = { round, attempt, site, samples, loss: metrics.loss, payload, bytes, norm }
      await take({ type: 'accept', update: { ...update, manifest: token, manifestSha256, receivedAtMs } })
    })
    const receipt = { study, site, round, attempt, payload, manifest: manifestSha256, receivedAtMs }
    upload.receipt = await signPayload('receipt', receipt, key.privateKey)
    return upload.receipt
  }

  return {
    received: () => uploads.received(),
    drop: (site) => uploads.drop(site),
    clear: () => uploads.clear(),
    sweep: (sites) => uploads.sweep(sites),
    chunk: (site, id, index, chunk) => uploads.write(site, id, index, chunk),
    async open(site, token, digests) {
      const manifest = await admitManifest(token, border(site))
      return uploads.open(token, manifest, admitList(manifest, digests))
    },
    async commit(site, id) {
      try {
        return await uploads.finish(site, id, settle)
      } catch (thrown) {
        if (!KEEP.has(asTesseraError(thrown).code)) await uploads.drop(site)
        throw thrown
      }
    },
  }
}
