/**
 * @file What methods on feature maps have in common:  L = a·CE + b·T²·KL(teacher‖student) + c·(their own term), the teacher frozen and by its
 * running statistics.
 *
 * Maps are those of the four stages at a 4th to a 32nd of the tile's sides, or the last one before the pooling. Student and teacher see the same
 * tile, so maps of one stage have one size in both, and nothing is pooled or stretched to fit as in the comparison codes.
 */
import type * as tf from '@tensorflow/tfjs-core'
import type { TensorMap } from '@tessera/shared/engine'
import type { FeatureMaps } from '@tessera/shared/model/network'
import { givenMaps, type MapTeacher } from '../map-teacher.ts'
import { initialModules, type ModuleTensor } from '../modules.ts'
import { type Method, STATELESS } from './method.ts'
import { type LossSettings, weightedLoss } from './weighted-loss.ts'

/** A method's own part. */
export interface MapTerm {
  /** c */
  readonly weight: number
  /** Trained beside the student. */
  readonly modules: readonly ModuleTensor[]
  /** @param modules Holds the tensors of `modules`. */
  loss(student: FeatureMaps, teacher: FeatureMaps, modules: TensorMap): tf.Scalar
}

export interface MapContext {
  readonly teacher: MapTeacher
  /** False when there is no KL term: a teacher of another task, or weight 0. */
  readonly usesLogits: boolean
  /** What modules start from. */
  readonly seed: string
}

export function createMapMethod(
  settings: LossSettings,
  { teacher, usesLogits, seed }: MapContext,
  term: MapTerm,
): Method {
  return {
    ...STATELESS,
    specs: teacher.specs,
    weights: () => teacher.weights,
    readsMaps: true,
    modules: {
      specs: term.modules.map(({ spec }) => spec),
      weights: () => initialModules(term.modules, seed),
    },
    begin({ images, labels }, inputs) {
      const answers = teacher.answers(images, inputs)
      const teacherLogits = usesLogits ? answers.logits : null
      return {
        loss({ logits, maps }, own) {
          const loss = term.loss(givenMaps(maps), answers.maps, own)
          return weightedLoss(settings, { logits, labels, teacherLogits }, [[loss, term.weight]])
        },
        next: () => new Map(),
      }
    },
  }
}
