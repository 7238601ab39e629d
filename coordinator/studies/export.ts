/** @file Exporting a study's student: the published file as it is, and a model card that says where it comes from. */
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import type { Published, Study } from '@tessera/shared/protocol'
import { fingerprint, verifyPayload } from '@tessera/shared/security'
import { loadCoordinator } from '../config.ts'
import { modelFiles, readEvents } from '../store/index.ts'
import { findStudy, replayRounds } from './replay.ts'

/** Where a student comes from. Beside it, `records` are the signed texts that prove it. */
export interface ModelCard {
  readonly format: 'tessera-model-card-1'
  readonly study: Study
  readonly layoutHash: string
  readonly student: string
  readonly round: number
  readonly finished: boolean
  readonly coordinator: { readonly publicKey: string; readonly fingerprint: string }
  readonly initialStudent: string
  readonly rounds: readonly Published[]
  readonly records: readonly string[]
}

/**
 * Writes `student.safetensors` and `model-card.json` into `out`: the student of `round`, or of the newest.
 * @throws {TesseraError} ERR_STUDY_UNKNOWN, ERR_MODEL_UNKNOWN if the round has no student; ERR_STORE_CORRUPT if its file has changed.
 */
export async function exportStudy(options: {
  dir: string
  study: string
  out: string
  round?: number | undefined
}): Promise<{ files: string[]; card: ModelCard }> {
  const { dir, out } = options
  const { key } = await loadCoordinator(dir)
  const events = await readEvents(dir)
  const created = findStudy(events, options.study)
  const state = replayRounds(created, events)
  const records = state.history.flatMap(({ end }) => (end?.record ? [end.record] : []))
  const rounds = await Promise.all(records.map((record) => verifyPayload('published', record, key.publicKey)))
  const round = options.round ?? rounds.length
  const last = rounds[round - 1]
  if (last === undefined) {
    throw new TesseraError(
      'ERR_MODEL_UNKNOWN',
      `round must be published (1 to ${rounds.length}), got ${round}`,
    )
  }
  const card: ModelCard = {
    format: 'tessera-model-card-1',
    study: created.study,
    layoutHash: created.layoutHash,
    student: last.student,
    round,
    finished: last.final,
    coordinator: { publicKey: key.publicKey, fingerprint: fingerprint(key.publicKey) },
    initialStudent: created.student,
    rounds: rounds.slice(0, round),
    records: records.slice(0, round),
  }
  const files = [join(out, 'student.safetensors'), join(out, 'model-card.json')] as const
  await writeDurably(files[0], await modelFiles(dir).load(last.student), 0o644)
  await writeDurably(files[1], `${JSON.stringify(card, null, 2)}\n`, 0o644)
  return { files: [...files], card }
}
