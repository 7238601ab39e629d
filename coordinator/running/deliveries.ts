/** @file A study's incoming updates, from the manifest to the receipt: the border before the first byte, before it counts, and the bytes between. */
import { asTesseraError, type ErrorCode } from '@tessera/shared/errors'
import { sha256Hex, signPayload } from '@tessera/shared/security'
import { admitList, admitManifest, admitPayload, type Border, readmit } from '../admission/index.ts'
import type { Command } from '../rounds/index.ts'
import type { StudyContext, StudyRun } from './study-context.ts'
import { createUploads, type Upload, type Uploads } from './uploads.ts'

/** Refusals of a commit after which the same bytes may do: the store could not take them, or the upload is not whole, or not this one. */
const KEEP: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_STORE_WRITE',
  'ERR_STORE_LOCKED',
  'ERR_STORE_UNREACHABLE',
  'ERR_UPLOAD_UNKNOWN',
  'ERR_UPLOAD_INCOMPLETE',
])

export interface Deliveries {
  readonly open: StudyRun['openUpload']
  readonly chunk: StudyRun['uploadChunk']
  readonly commit: StudyRun['commitUpload']
  readonly receivedOf: Uploads['receivedOf']
  readonly announced: Uploads['announced']
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
  { store, key, clock, checking, deciding, room, observer }: StudyContext,
  border: (site: string) => Border,
  take: (command: Command) => Promise<unknown>,
): Deliveries {
  const uploads = createUploads(study, store.updates, room)
  /** By site, since when the upload of this id has come in here: for those who measure it. */
  const begun = new Map<string, { id: string; startMs: number }>()
  const tell = (site: string, id: string, code: ErrorCode | null): void => {
    const since = begun.get(site)
    // Told already: the receipt was asked for again.
    if (since?.id !== id) return
    begun.delete(site)
    const durationMs = clock.elapsed() - since.startMs
    observer.worked({ work: 'upload', study, site, endedAtMs: clock.now(), durationMs, code })
  }
  const settle = async (upload: Upload): Promise<string> => {
    if (upload.receipt !== null) return upload.receipt
    const { manifest, file, token } = upload
    const { site, study, round, attempt, samples, payload, bytes, metrics } = manifest
    const { norm } = await checking(async () => {
      const { layout, study, rounds } = border(site)
      const { maxNorm, encoding } = study.federation
      // The student that it will be added to; a late update was trained from an earlier one.
      const base = await store.models.open(rounds.current?.base ?? rounds.student)
      try {
        const limits = { layout, encoding, maxNorm, base }
        return await file.reading((read) => admitPayload(manifest, { bytes: file.bytes, read }, limits))
      } finally {
        await base.close()
      }
    })
    const manifestSha256 = sha256Hex(token)
    const receivedAtMs = clock.now()
    const countsIn = await deciding(async () => {
      readmit(manifest, border(site))
      await file.keep()
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
    receivedOf: (site) => uploads.receivedOf(site),
    announced: () => uploads.announced(),
    drop: (site) => uploads.drop(site),
    clear: () => uploads.clear(),
    sweep: (sites) => uploads.sweep(sites),
    chunk: (site, id, index, chunk) => uploads.write(site, id, index, chunk),
    async open(site, token, digests) {
      const manifest = await admitManifest(token, border(site))
      const opened = await uploads.open(token, manifest, admitList(manifest, digests))
      const { id } = opened.upload
      if (begun.get(site)?.id !== id) begun.set(site, { id, startMs: clock.elapsed() })
      return opened
    },
    async commit(site, id) {
      try {
        const receipt = await uploads.finish(site, id, settle)
        tell(site, id, null)
        return receipt
      } catch (thrown) {
        const { code } = asTesseraError(thrown)
        if (!KEEP.has(code)) {
          tell(site, id, code)
          await uploads.drop(site)
        }
        throw thrown
      }
    },
  }
}
