/** @file From labelled tiles to two files: the best teacher and the last. */
import { stat } from 'node:fs/promises'
import type { Clock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, readModelFile, writeDurably } from '@tessera/shared/files'
import {
  backboneLayout,
  checkpointOrigin,
  decodeCheckpoint,
  encodeSafetensors,
  initialStudent,
  type Weights,
} from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import {
  type DataReport,
  type DataRules,
  openTrainingParts,
  type SplitRule,
  tileOptions,
} from '../data/index.ts'
import type { TileSource } from '../distill/index.ts'
import {
  type EpochScore,
  readProgress,
  removeProgress,
  type TeacherProgress,
  writeProgress,
} from './progress-file.ts'
import { type TeacherSettings, teacherStudy } from './study.ts'
import { bestOf, type TeacherStep, trainTeacher } from './train-teacher.ts'

export interface TeacherRun {
  readonly settings: Omit<TeacherSettings, 'fromFile'>
  readonly dataDir: string
  readonly dataRules: DataRules
  /** Other data to choose the best epoch by; null: those that `dataDir` sets aside for it. */
  readonly valDir: string | null
  /** safetensors to begin with; a classifier of other classes is left out. */
  readonly initFile: string | null
  /** Of the best teacher; the last stands beside it. */
  readonly outFile: string
  readonly patience: number | null
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onData: (report: DataReport, training: number, validation: number) => void
  /** @param epochs That an earlier run has made. */
  readonly onResumed: (epochs: number) => void
  readonly onStep: (step: TeacherStep) => void
  readonly onEpoch: (score: EpochScore, isBest: boolean) => void
}

export interface TrainedTeacher {
  readonly best: EpochScore
  readonly last: EpochScore
  /** SHA-256 of the best teacher's file: `teacher.sha256` of a study. */
  readonly sha256: string
}

/** `dir/teacher.last.safetensors` for `dir/teacher.safetensors`. */
export function lastFileOf(outFile: string): string {
  return outFile.replace(/(\.safetensors)?$/, '.last.safetensors')
}

/**
 * Trains, or goes on where a run with the same settings was cut off. Start the engine first. After each epoch both files and the progress beside them
 * are those of the epochs so far.
 * @throws {TesseraError} What openTrainingParts throws; ERR_USAGE if the output is there and no progress beside it, or the progress is another training's;
 * ERR_MODEL_FILE, ERR_LAYOUT_MISMATCH if the start does not fit; ERR_INTERRUPTED, ERR_TRAINING_DIVERGED, ERR_STORE_WRITE.
 */
export async function runTeacherTraining(run: TeacherRun): Promise<TrainedTeacher> {
  const { outFile, initFile, clock, signal } = run
  const progressFile = `${outFile}.progress`
  if ((await isThere(outFile)) && !(await isThere(progressFile))) {
    throw new TesseraError(
      'ERR_USAGE',
      'output must be a new file, got one that is there: name another or remove it',
    )
  }
  const init = initFile === null ? null : await readModelFile('start', initFile)
  const study = teacherStudy({ ...run.settings, ...flavoured(run.settings, init), fromFile: init !== null })
  const start = startOf(study, init)
  const { training, validation, report } = await openTrainingParts({
    ...run.dataRules,
    ...tileOptions(study),
    dir: run.dataDir,
    valDir: run.valDir ?? undefined,
    otherwise: OTHERWISE,
  })
  run.onData(report, training.count, validation.count)
  const split = run.dataRules.split ?? null
  const fingerprint = sha256Hex(
    JSON.stringify([study, init && sha256Hex(init), split, tilesText(training), tilesText(validation)]),
  )
  const progress = await readProgress(progressFile, fingerprint)
  if (progress) run.onResumed(progress.scores.length)
  const layout = backboneLayout(study.student, study.classes.length)
  const write = async (file: string, weights: Weights): Promise<string> => {
    const bytes = encodeSafetensors(layout, weights)
    await writeDurably(file, bytes)
    return sha256Hex(bytes)
  }
  const writeFiles = async ({ best, last }: TeacherProgress): Promise<string> => {
    await write(lastFileOf(outFile), last)
    return write(outFile, best)
  }
  const ended = await trainTeacher({
    study,
    start,
    training,
    validation,
    patience: run.patience,
    fingerprint,
    progress,
    async keep(kept) {
      // The progress first: a run that is cut off between the two writes the files again.
      await writeProgress(progressFile, kept)
      await writeFiles(kept)
    },
    clock,
    signal,
    onStep: run.onStep,
    onEpoch: run.onEpoch,
  })
  const sha256 = await writeFiles(ended)
  await removeProgress(progressFile)
  return { best: bestOf(ended.scores), last: ended.scores.at(-1) as EpochScore, sha256 }
}

/** The flavour that the start's names tell, unless one was asked for. */
function flavoured(
  { architecture }: TeacherRun['settings'],
  init: Uint8Array | null,
): Pick<TeacherSettings, 'architecture'> {
  if (init === null || architecture.flavour !== undefined) return { architecture }
  const { flavour } = checkpointOrigin(init)
  return { architecture: flavour === 'torchvision' ? architecture : { ...architecture, flavour } }
}

function startOf(study: Study, init: Uint8Array | null): Weights {
  if (init === null) return initialStudent(study, null)
  const { weights } = decodeCheckpoint(init, study.student, study.classes.length, { classifier: 'optional' })
  return initialStudent(study, null, weights)
}

/** Where data say no parts and nobody says how to divide them: whole patients or slides, four to learn from and one to choose by. */
const OTHERWISE: SplitRule = {
  shares: { train: 0.8, val: 0.2, test: 0 },
  by: 'auto',
  seed: 'tessera',
}

/** What of the tiles goes into the fingerprint: no path, no pixel. */
function tilesText({ sizePx, labels }: TileSource): string {
  return `${sizePx} ${sha256Hex(new Uint8Array(Int32Array.from(labels).buffer))}`
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (cause: unknown) => !isMissing(cause),
  )
}
