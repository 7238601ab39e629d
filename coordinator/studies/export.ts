/** @file Exporting a study's student, in the format that is asked for, with a model card that says where it comes from. */
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import type { Naming } from '@tessera/shared/model'
import type { Published, Study } from '@tessera/shared/protocol'
import { fingerprint, verifyPayload } from '@tessera/shared/security'
import { loadCoordinator } from '../config.ts'
import { bestStudent, type RoundsState } from '../rounds/index.ts'
import { modelFiles, readEvents } from '../store/index.ts'
import { batchNormsOf, type ExportFormat, exportFiles } from './export-files.ts'
import { modelCardText } from './model-card-text.ts'
import { findStudy, replayStudy } from './replay.ts'

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
  /** `initial`: each site keeps its own (FedBN), so that this student computes nothing of use before a site's are put in their place. */
  readonly batchNorms: 'federated' | 'initial'
  readonly rounds: readonly Published[]
  readonly records: readonly string[]
}

/**
 * Writes the student of `round`, or of the newest, or with `best` the one that did best at the sites, and `model-card.json` and `.md` into `out`.
 * @param options.format By default the published safetensors file itself.
 * @param options.naming Whose names the tensors of a safetensors file have.
 * @throws {TesseraError} ERR_USAGE, ERR_LAYOUT_MISMATCH if format, names and study do not go together; ERR_STUDY_UNKNOWN, ERR_MODEL_UNKNOWN if the round has no student, or none was judged; ERR_STORE_CORRUPT if its file has changed.
 */
export async function exportStudy(options: {
  dir: string
  study: string
  out: string
  round?: number | undefined
  best?: boolean | undefined
  format?: ExportFormat | undefined
  naming?: Naming | undefined
}): Promise<{ files: string[]; card: ModelCard }> {
  const { dir, out, format = 'safetensors', naming = 'torchvision' } = options
  const { key, ring } = await loadCoordinator(dir)
  const events = await readEvents(dir)
  const created = findStudy(events, options.study)
  const { ended, state } = replayStudy(created, events)
  const records = ended.flatMap(({ end }) => (end?.record ? [end.record] : []))
  const rounds = await Promise.all(
    records.map((record, i) => verifyPayload('published', record, ring.keyOf(created.study.id, i + 1))),
  )
  const round = options.best ? bestRound(state) : (options.round ?? rounds.length)
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
    batchNorms: batchNormsOf(created.study),
    rounds: rounds.slice(0, round),
    records: records.slice(0, round),
  }
  const bytes = await modelFiles(dir).load(last.student)
  const student = exportFiles({ study: card.study, round, student: last.student, bytes }, format, naming)
  const contents = new Map<string, Uint8Array | string>([
    ...student,
    ['model-card.json', `${JSON.stringify(card, null, 2)}\n`],
    ['model-card.md', modelCardText(card, [...student.keys()])],
  ])
  for (const [file, content] of contents) await writeDurably(join(out, file), content, 0o644)
  return { files: [...contents.keys()].map((file) => join(out, file)), card }
}

/** @throws {TesseraError} ERR_MODEL_UNKNOWN */
function bestRound({ judging }: RoundsState): number {
  const best = bestStudent(judging)
  if (best !== null) return best.round
  throw new TesseraError(
    'ERR_MODEL_UNKNOWN',
    'best student must have been judged by a site that tells counts, got no counts (docs/judging.md)',
  )
}
