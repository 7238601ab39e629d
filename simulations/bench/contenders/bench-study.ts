/** @file The study whose training step is timed: EfficientNet-B0 twice, MoMA as the paper sets it, a batch of noise. */

import { initialStudent, initialWeights, teacherLayout, type Weights } from '@tessera/shared/model'
import { type Study, study } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import type { TileBatch } from '@tessera/site-agent/distill'
import type { Size } from '../sizes.ts'

/** As many classes as the colorectal sets have that such students are trained on. */
export const CLASSES = 9

export interface StudyOptions {
  /** Whether dropout and stochastic depth are on, at the study's defaults. Off, a step has no randomness. */
  readonly masking: boolean
  /** Of the study's names; absent: none. */
  readonly augment?: string | undefined
  /** Absent: {@link CLASSES} of them. */
  readonly classes?: readonly string[] | undefined
}

/** @throws {ZodError} If a study cannot be so. */
export function benchStudy({ batch, sidePx }: Size, options: StudyOptions): Study {
  const {
    masking,
    augment = 'none',
    classes = Array.from({ length: CLASSES }, (_, i) => `class-${i}`),
  } = options
  return study.parse({
    id: 'bench',
    seed: 'bench',
    classes,
    tile: { sizePx: sidePx },
    student: masking ? {} : { dropout: 0, stochasticDepth: 0 },
    teacher: { sha256: '0'.repeat(64), task: 'same', classes: classes.length },
    method: { name: 'moma' },
    // A tenth of the default rate: the same noise again and again would make the loss diverge.
    training: { rounds: 1, batchSize: batch, learningRate: 0.005, schedule: 'constant', augment },
  })
}

/** The weights that student and teacher start from. */
export function benchWeights(study: Study): { student: Weights; teacher: Weights } {
  const teacher = initialWeights(teacherLayout(study), 'bench-teacher')
  return { student: initialStudent(study, teacher), teacher }
}

/** Normally distributed images and every class in turn. */
export function noiseBatch({ batch, sidePx }: Size): TileBatch {
  const random = createRandom('bench-images')
  return {
    images: Float32Array.from({ length: batch * sidePx * sidePx * 3 }, () => random.normal()),
    labels: Int32Array.from({ length: batch }, (_, i) => i % CLASSES),
    indices: Int32Array.from({ length: batch }, (_, i) => i),
    size: batch,
  }
}
