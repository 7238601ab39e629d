/**
 * @file Variational information distillation: the teacher's map of every stage is to be likely given the student's.
 *
 *   L = Σ over stages  mean ½ ( (μ(F) − G)² / σ² + log σ² ),   σ² = log(1 + e^α) + 10⁻⁵
 *
 * F, G: maps of a stage, student's and teacher's · μ: three 1 × 1 convolutions with ReLUs between, α: one number a channel, both trained beside
 * the student; σ² starts as 5. Means are over batch, positions and channels.
 * Source: Ahn et al., CVPR 2019, section “Algorithm formulation”, https://arxiv.org/abs/1904.05835; regressor, start and weight 1 are RepDistiller's
 * (`VIDLoss`, `--distill vid`). Differs: the constant ½·log 2π is left out, as there.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { TensorMap } from '@tessera/shared/engine'
import type { MapMethod } from '@tessera/shared/protocol'
import { assertShape } from '../linear.ts'
import { convolutionTensors, convolved, filledTensor, type ModuleTensor } from '../modules.ts'
import { pairedStages, type StageWidths } from '../stage-maps.ts'
import { tensorOf } from '../tensor-map.ts'
import type { MapTerm } from './map-method.ts'

type VidSettings = Extract<MapMethod, { name: 'vid' }>

/** Least variance, so that none reaches 0. */
const LEAST_VARIANCE = 1e-5
const FIRST_VARIANCE = 5

export function vid({ weights }: VidSettings, widths: StageWidths): MapTerm {
  return {
    weight: weights.vid,
    modules: vidModules(widths),
    loss: (student, teacher, modules) => vidLoss(student.stages, teacher.stages, modules),
  }
}

/** Tensors of each stage: `vid.<stage>.regressor.{0,2,4}` and `vid.<stage>.log_scale`, α. */
export function vidModules({ student, teacher }: StageWidths): ModuleTensor[] {
  return pairedStages(student, teacher).flatMap(([stage, inputs, outputs]) => [
    ...convolutionTensors(`vid.${stage}.regressor.0`, inputs, outputs, 1),
    ...convolutionTensors(`vid.${stage}.regressor.2`, outputs, outputs, 1),
    ...convolutionTensors(`vid.${stage}.regressor.4`, outputs, outputs, 1),
    filledTensor(`vid.${stage}.log_scale`, outputs, Math.log(Math.expm1(FIRST_VARIANCE - LEAST_VARIANCE))),
  ])
}

/** @param student, teacher [B, H, W, channels] of each stage; the teacher's are constants. */
export function vidLoss(
  student: readonly tf.Tensor4D[],
  teacher: readonly tf.Tensor4D[],
  modules: TensorMap,
): tf.Scalar {
  return tf.tidy(() => {
    const terms = pairedStages(student, teacher).map(([stage, own, target]) => {
      const convolve = (place: number, x: tf.Tensor4D): tf.Tensor4D =>
        convolved(modules, `vid.${stage}.regressor.${place}`, x)
      const mean = convolve(4, tf.relu(convolve(2, tf.relu(convolve(0, own)))))
      assertShape('teacher map', target, mean.shape)
      const variance = tf.add(tf.softplus(tensorOf(modules, `vid.${stage}.log_scale`)), LEAST_VARIANCE)
      const surprise = tf.add(tf.div(tf.square(tf.sub(mean, target)), variance), tf.log(variance))
      return tf.mul<tf.Scalar>(tf.mean(surprise), 0.5)
    })
    return tf.addN(terms)
  })
}
