/** @file A study's incoming updates, from the manifest to the receipt: the border before the first byte, before it counts, and the bytes between. */
import { asTesseraError } from '@tessera/shared/errors'
import { decodeModel, type Weights } from '@tessera/shared/model'
import { sha256Hex, signPayload } from '@tessera/shared/security'
import {
  admitManifest,
  admitPayload,
  type Border,
  checkDigest,
  checkReceivedBytes,
  readmit,
} from '../admission/index.ts'
import type { Command } from '../rounds/index.ts'
import type { StudyContext, StudyRun } from './study-context.ts'
import { createUploads, type Upload } from './uploads.ts'

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
}

/**
 * Builds the deliveries of one study.
 * @param border What the border knows now.
 * @param take Carries out a command on the round machine and logs what follows. Only within `deciding`.
 */
export function createDeliveries(
  { store, key, clock, checking, deciding }: StudyContext,
  border: (site: string) => Border,
  take: (command: Command) => Promise<unknown>,
): Deliveries {
  const uploads = createUploads(store.updates)
  let base: { sha256: string; weights: Weights } | null = null
  const baseWeights = async (sha256: string, { layout }: Border): Promise<Weights> => {
    if (base?.sha256 !== sha256)
      base = { sha256, weights: decodeModel(await store.models.load(sha256), layout) }
    return base.weights
  }

  const settle = async (upload: Upload): Promise<string> => {
    if (upload.receipt !== null) return upload.receipt
    const { manifest, incoming, token } = upload
    const { site, study, round, attempt, samples, payload, bytes, metrics } = manifest
    checkReceivedBytes(manifest, incoming.bytes)
    checkDigest(manifest, incoming.digest())
    const { norm } = await checking(async () => {
      const { layout, study } = border(site)
      // The student that it will be added to; a late update was trained from an earlier one.
      const added = border(site).rounds.current?.base ?? border(site).rounds.student
      const weights = await baseWeights(added, border(site))
      const { maxNorm } = study.federation
      return admitPayload(await incoming.content(), { layout, base: weights, maxNorm })
    })
    const manifestSha256 = sha256Hex(token)
    const receivedAtMs = clock.now()
    const countsIn = await deciding(async () => {
      readmit(manifest, border(site))
      await incoming.keep()
      const update = { round, attempt, site, samples, loss: metrics.loss, payload, bytes, norm }
      await take({ type: 'accept', update: { ...update, manifest: token, manifestSha256, receivedAtMs } })
      return border(site).rounds.round
    })
    const late = countsIn === round ? {} : { countsIn }
    const receipt = { study, site, round, attempt, payload, manifest: manifestSha256, receivedAtMs, ...late }
    upload.receipt = await signPayload('receipt', receipt, key.privateKey)
    return upload.receipt
  }

  return {
    received: () => uploads.received(),
    drop: (site) => uploads.drop(site),
    clear: () => uploads.clear(),
    chunk: (site, id, offset, chunk) => uploads.append(site, id, offset, chunk),
    async open(site, token) {
      return uploads.open(token, await admitManifest(token, border(site)))
    },
    async commit(site, id) {
      try {
        return await uploads.finish(site, id, settle)
      } catch (thrown) {
        const { code } = asTesseraError(thrown)
        // What is refused is of no more use; what could not be stored can be committed again.
        if (code !== 'ERR_STORE_WRITE' && code !== 'ERR_UPLOAD_UNKNOWN') await uploads.drop(site)
        throw thrown
      }
    },
  }
}
