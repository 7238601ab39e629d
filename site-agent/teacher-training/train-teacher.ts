/**
 * @file Trains a teacher epoch by epoch on one part of the tiles, scores each epoch on the other, and keeps the best and the last.
 *
 * As the authors' code trains its teachers: cross-entropy, and the epoch with the best validation accuracy counts. Of equal ones the earlier.
 */
import type { Clock } from '@tessera/shared/clock'
import { accuracy } from '@tessera/shared/metrics'
import type { Weights } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import { createTrainer, evaluate, type TileSource } from '../distill/index.ts'
import type { EpochScore, TeacherProgress } from './progress-file.ts'

export interface TeacherTraining {
  readonly study: Study
  /** What it begins with. */
  readonly start: Weights
  readonly training: TileSource
  readonly validation: TileSource
  /** Stops after so many epochs without a better one; null: trains all. */
  readonly patience: number | null
  readonly fingerprint: string
  /** Of an earlier run. */
  readonly progress: TeacherProgress | null
  /** Called after each epoch, and waited for: what is not kept is lost by a stop. */
  readonly keep: (progress: TeacherProgress) => Promise<void>
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onStep: (step: TeacherStep) => void
  readonly onEpoch: (score: EpochScore, isBest: boolean) => void
}

export interface TeacherStep {
  readonly epoch: number
  readonly epochs: number
  readonly step: number
  readonly steps: number
  readonly loss: number
  /** Of all epochs that are left, scoring included. */
  readonly secondsLeft: number
}

/**
 * Returns the progress after the last epoch. Start the engine first.
 * @throws {TesseraError} ERR_INTERRUPTED if stopped: what was kept is then the last whole epoch's; ERR_TRAINING_DIVERGED.
 */
export async function trainTeacher(options: TeacherTraining): Promise<TeacherProgress> {
  const { study, start, training, validation, patience, fingerprint, clock, signal } = options
  const epochs = study.training.rounds
  let progress = options.progress
  const trainer = createTrainer({
    study,
    teacher: null,
    tiles: training,
    site: 'teacher',
    ...(progress ? { state: progress.state } : {}),
  })
  const done = progress?.scores.length ?? 0
  const beganMs = clock.elapsed()
  try {
    for (let epoch = done + 1; epoch <= epochs && !isPatienceOver(progress, patience); epoch++) {
      const round = await trainer.trainRound({
        round: epoch,
        student: progress?.last ?? start,
        signal,
        onProgress({ step, steps, loss }) {
          const [made, all] = [(epoch - 1 - done) * steps + step, (epochs - done) * steps]
          const secondsLeft = Math.round((((clock.elapsed() - beganMs) / made) * (all - made)) / 1000)
          options.onStep({ epoch, epochs, step, steps, loss, secondsLeft })
        },
      })
      const { matrix } = await evaluate({
        architecture: study.student,
        classes: study.classes.length,
        weights: round.student,
        tiles: validation,
        batchSize: study.training.batchSize,
        signal,
      })
      const score = { epoch, loss: round.metrics.ce, accuracy: accuracy(matrix) }
      const isBest = progress === null || score.accuracy > bestOf(progress.scores).accuracy
      progress = {
        fingerprint,
        scores: [...(progress?.scores ?? []), score],
        last: round.student,
        best: isBest || progress === null ? round.student : progress.best,
        state: await trainer.state(),
      }
      await options.keep(progress)
      options.onEpoch(score, isBest)
    }
  } finally {
    trainer.dispose()
  }
  // A study has at least one round.
  return progress as TeacherProgress
}

/** The epoch that counts. @param scores Of at least one epoch. */
export function bestOf(scores: readonly EpochScore[]): EpochScore {
  return scores.reduce((best, score) => (score.accuracy > best.accuracy ? score : best))
}

function isPatienceOver(progress: TeacherProgress | null, patience: number | null): boolean {
  if (progress === null || patience === null) return false
  return progress.scores.length - bestOf(progress.scores).epoch >= patience
}
