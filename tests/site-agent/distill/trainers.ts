/** @file Trainers of tiny studies, one for each method. */
import { initialWeights, teacherLayout, type Weights } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import {
  createTrainer,
  type LocalState,
  type LocalTrainer,
  type RoundResult,
  type TileSource,
} from '@tessera/site-agent/distill'
import { makeStudy, makeTiles, TINY } from './support.ts'

export const tiles = makeTiles(9)

export function teacherOf(study: Study): Weights | null {
  return study.teacher ? initialWeights(teacherLayout(study), 'teacher') : null
}

export function trainerOf(
  study: Study,
  changes: { tiles?: TileSource; state?: LocalState } = {},
): LocalTrainer {
  return createTrainer({ study, teacher: teacherOf(study), tiles, site: 'north', ...changes })
}

export async function rounds(
  trainer: LocalTrainer,
  student: Weights,
  numbers: readonly number[],
): Promise<RoundResult> {
  let result: RoundResult | null = null
  for (const round of numbers)
    result = await trainer.trainRound({ round, student: result?.student ?? student })
  if (!result) throw new Error('at least one round')
  return result
}

/** ‖a − b‖ over the trainable tensors of the smallest student. */
export function distance(a: Weights, b: Weights): number {
  let squares = 0
  for (const [name, values] of a) {
    if (name.includes('running_')) continue
    for (const [i, x] of values.entries()) squares += (x - (b.get(name)?.[i] ?? 0)) ** 2
  }
  return Math.sqrt(squares)
}

export const METHODS = {
  moma: makeStudy(),
  'moma of another task': makeStudy({
    teacher: { ...TINY, sha256: '0'.repeat(64), task: 'different', classes: 5 },
  }),
  'moma with a frozen teacher of another width': makeStudy({
    teacher: {
      ...TINY,
      widthMultiplier: 0.2,
      sha256: '0'.repeat(64),
      task: 'same',
      classes: 3,
      momentum: 'frozen',
    },
  }),
  'moma with a global teacher': makeStudy({
    teacher: { ...TINY, sha256: '0'.repeat(64), task: 'same', classes: 3, momentum: 'global' },
    method: { name: 'moma', featureDim: 8, heads: 2, queueSize: 10, momentum: 0.5 },
  }),
  kd: makeStudy({ method: { name: 'kd' } }),
  fitnet: makeStudy({ method: { name: 'fitnet', weights: { kl: 1 } } }),
  'attention transfer from another task and width': makeStudy({
    method: { name: 'attention-transfer' },
    teacher: { ...TINY, widthMultiplier: 0.2, sha256: '0'.repeat(64), task: 'different', classes: 5 },
  }),
  'vid from a ResNet': makeStudy({
    method: { name: 'vid' },
    teacher: { name: 'resnet-18', ...TINY, sha256: '0'.repeat(64), task: 'same', classes: 3 },
  }),
  'semckd with a proximal term': makeStudy({
    method: { name: 'semckd', weights: { semckd: 1 } },
    federation: { strategy: { name: 'fedprox', mu: 1 } },
  }),
  'simkd from a ResNet': makeStudy({
    method: { name: 'simkd' },
    teacher: { name: 'resnet-18', ...TINY, sha256: '0'.repeat(64), task: 'same', classes: 3 },
  }),
  ce: makeStudy({ method: { name: 'ce' }, teacher: undefined }),
  'moma with a proximal term': makeStudy({ federation: { strategy: { name: 'fedprox', mu: 1 } } }),
  'moma without attention': makeStudy({
    method: { name: 'moma', featureDim: 8, queueSize: 10, attention: 'none' },
  }),
  'moma with one attention for key and queue': makeStudy({
    method: { name: 'moma', featureDim: 8, heads: 2, queueSize: 10, attention: 'shared' },
  }),
  'moma without a queue': makeStudy({
    method: { name: 'moma', featureDim: 8, heads: 2, negatives: 'batch' },
  }),
  sp: makeStudy({ method: { name: 'sp', weights: { kl: 1 } } }),
  rkd: makeStudy({ method: { name: 'rkd' } }),
  'crd of another task': makeStudy({
    method: { name: 'crd', featureDim: 8, weights: { kl: 1 } },
    teacher: { ...TINY, widthMultiplier: 0.2, sha256: '0'.repeat(64), task: 'different', classes: 5 },
  }),
  'crd that draws': makeStudy({ method: { name: 'crd', featureDim: 8, negatives: 5 } }),
  'ce with a model-contrastive term': makeStudy({
    method: { name: 'ce' },
    teacher: undefined,
    federation: { strategy: { name: 'moon' } },
  }),
  'kd with batch norms of its own': makeStudy({
    method: { name: 'kd' },
    federation: { strategy: { name: 'fedbn' } },
  }),
}
