/** @file Real training steps, timed: the study's student, teacher and method on the site's own tiles. */
import type { Clock } from '@tessera/shared/clock'
import { backboneLayout, initialStudent, initialWeights, type Weights } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import type { FrozenTeacher, TileSource } from '../distill/index.ts'
import type { TrainerFactory } from '../session/train.ts'

/** The first step builds what later ones use; the second is what a round is made of. */
const STEPS = 2

export interface StepOptions {
  readonly study: Study
  readonly tiles: TileSource
  /** Of an ONNX teacher: it has no weights that could be made up. */
  readonly frozenTeacher: FrozenTeacher | null
  readonly createTrainer: TrainerFactory
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface StepTimes {
  readonly firstSeconds: number
  readonly stepSeconds: number
  /** Of a round over all tiles. */
  readonly steps: number
  readonly roundSeconds: number
}

/** Trains two steps and forgets them. Weights are the seed's: a step takes as long with any. */
export async function timeSteps(options: StepOptions): Promise<StepTimes> {
  const { study, tiles, clock, signal, createTrainer } = options
  const { batchSize, epochsPerRound } = study.training
  const weights = madeUpTeacher(study)
  const trainer = await createTrainer({
    study: { ...study, training: { ...study.training, epochsPerRound: 1 } },
    teacher: weights ?? options.frozenTeacher,
    tiles: firstBatches(tiles, batchSize),
    site: 'preflight',
  })
  const times: number[] = [clock.now()]
  try {
    const student = initialStudent({ ...study, student: { ...study.student, initial: 'seed' } }, weights)
    await trainer.trainRound({ round: 1, student, signal, onProgress: () => void times.push(clock.now()) })
  } finally {
    trainer.dispose()
  }
  const [firstSeconds = 0, stepSeconds = firstSeconds] = times
    .slice(1)
    .map((time, i) => (time - (times[i] ?? time)) / 1000)
  const steps = Math.max(1, Math.ceil(tiles.count / batchSize)) * epochsPerRound
  return { firstSeconds, stepSeconds, steps, roundSeconds: firstSeconds + stepSeconds * (steps - 1) }
}

function madeUpTeacher({ teacher }: Study): Weights | null {
  if (teacher === undefined || teacher.name === 'onnx') return null
  return initialWeights(backboneLayout(teacher, teacher.classes), 'preflight')
}

/** The tiles of {@link STEPS} batches. */
function firstBatches(tiles: TileSource, batchSize: number): TileSource {
  return {
    ...tiles,
    count: Math.min(tiles.count, STEPS * batchSize),
    async *batches(options) {
      let left = STEPS
      for await (const batch of tiles.batches(options)) {
        yield batch
        if (--left === 0) return
      }
    },
  }
}
